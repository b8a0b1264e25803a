"""Checksums: what is damaged is never taken for what was written."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random

import pytest
import xxhash

from runner.utils.checked_files import (
    CHECKSUM_SUFFIX,
    checksum_path,
    is_sound,
    read_checked,
    remove_checked,
    replaced_with_checksum,
    write_checked,
)
from tests.export.kill_points import run_and_die
from tests.faults.damage import DAMAGES

CONTENT = bytes(range(256)) * 40


def never(_: object) -> bool:
    raise AssertionError("a file with a checksum needs no other proof")


def test_the_checksum_is_that_of_the_bytes(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "vectors.npy"
    write_checked(file, CONTENT)
    name, value, size = checksum_path(file).read_text().split()
    assert (name, value, int(size)) == ("xxh3-128", xxhash.xxh3_128_hexdigest(CONTENT), len(CONTENT))
    assert sorted(path.name for path in file.parent.iterdir()) == ["vectors.npy", f"vectors.npy{CHECKSUM_SUFFIX}"]
    assert read_checked(file, never) == CONTENT


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("of", ["the file", "its checksum"])
def test_what_is_damaged_goes(how: str, of: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "vectors.npy"
    write_checked(file, CONTENT)
    DAMAGES[how](file if of == "the file" else checksum_path(file), Random(how))
    assert not is_sound(file, never)
    assert list(tmp_path.iterdir()) == []
    assert f"{file} was damaged on the disk" in caplog.text


def test_a_file_without_checksum_is_looked_at_and_given_one(tmp_path: Path) -> None:
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_bytes(CONTENT)
    bad.write_bytes(CONTENT[1:])
    assert [is_sound(file, lambda file: file.read_bytes() == CONTENT) for file in (good, bad)] == [True, False]
    assert is_sound(good, never)
    assert not bad.exists()


def test_what_is_not_there_is_not_sound(tmp_path: Path) -> None:
    assert not is_sound(tmp_path / "nothing", never)
    write_checked(tmp_path / "gone", CONTENT)
    remove_checked(tmp_path / "gone")
    assert list(tmp_path.iterdir()) == []


def test_a_block_that_fails_leaves_all_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "file"
    write_checked(file, CONTENT)
    with pytest.raises(ZeroDivisionError), replaced_with_checksum(file) as temporary:
        temporary.write_bytes(b"other")
        raise ZeroDivisionError
    assert read_checked(file, never) == CONTENT


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a process that it forks")
def test_a_killed_write_leaves_the_new_content_or_something_that_counts_as_damaged(tmp_path: Path) -> None:
    file, other = tmp_path / "file", b"other" * 1000
    point, events = 0, None
    while events is None:
        point += 1
        write_checked(file, CONTENT)
        events = run_and_die(lambda: write_checked(file, other), (str(tmp_path),), point)
        assert read_checked(file, never) in (CONTENT, other, None)
    assert events > 4
