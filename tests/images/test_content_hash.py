"""Content hashes: right, remembered, and never remembered wrongly."""

from __future__ import annotations

import hashlib
import logging
import multiprocessing
import os
import sqlite3
import time
from pathlib import Path

import pytest

from runner.errors import RunnerError
from runner.images import content_hash
from runner.images.content_hash import ContentHashes
from tests.needs import unavailable


def digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def write(path: Path, content: bytes, age: float = 60) -> Path:
    """A file last modified ``age`` seconds ago."""
    path.write_bytes(content)
    modified = time.time_ns() - int(age * 1e9)
    os.utime(path, ns=(modified, modified))
    return path


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Collects every file whose bytes are read."""
    read: list[Path] = []
    original = content_hash._hash

    def recording(path: Path) -> object:
        read.append(path)
        return original(path)

    monkeypatch.setattr(content_hash, "_hash", recording)
    return read


def test_hashes_are_those_of_the_bytes_in_order(tmp_path: Path) -> None:
    contents = [b"", b"a", b"b" * 100_000, b"a", *(b"%d" % number for number in range(2500))]
    paths = [write(tmp_path / f"{number}", content) for number, content in enumerate(contents)]
    steps: list[int] = []
    assert ContentHashes(tmp_path / "cache").hash_files(paths, steps.append) == [
        digest(content) for content in contents
    ]
    assert sum(steps) == len(paths)


def test_unchanged_files_are_not_read_again(tmp_path: Path, reads: list[Path]) -> None:
    paths = [write(tmp_path / f"{number}.jpg", b"%d" % number) for number in range(1200)]
    first = ContentHashes(tmp_path / "cache").hash_files(paths)
    assert len(reads) == 1200
    reads.clear()
    assert ContentHashes(tmp_path / "cache").hash_files(paths) == first
    assert reads == []
    write(paths[3], b"new", age=30)
    assert ContentHashes(tmp_path / "cache").hash_files(paths[:5])[3] == digest(b"new")
    assert reads == [paths[3]]


def test_files_of_equal_size_and_date_that_change_places(tmp_path: Path) -> None:
    one, two = write(tmp_path / "1.bmp", b"one"), write(tmp_path / "2.bmp", b"two")
    for path in (one, two):
        os.utime(path, ns=(10**18, 10**18))
    hashes = ContentHashes(tmp_path / "cache")
    assert hashes.hash_files([one, two]) == [digest(b"one"), digest(b"two")]
    time.sleep(0.05)  # a kernel tick, so that the change of place shows in the inode's own time
    one.rename(tmp_path / "aside")
    two.rename(one)
    (tmp_path / "aside").rename(two)
    assert hashes.hash_files([one, two]) == [digest(b"two"), digest(b"one")]


@pytest.mark.parametrize("age", [0, -3600])
def test_a_file_modified_just_now_is_not_remembered(tmp_path: Path, reads: list[Path], age: float) -> None:
    path = write(tmp_path / "a.jpg", b"one", age=age)
    status = path.stat()
    hashes = ContentHashes(tmp_path / "cache")
    assert hashes.hash_files([path]) == [digest(b"one")]
    path.write_bytes(b"two")  # same size, and with a coarse clock the same time
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert hashes.hash_files([path]) == [digest(b"two")]
    assert len(reads) == 2


def test_a_file_that_changes_while_it_is_read_is_not_remembered(
    tmp_path: Path, reads: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.jpg", b"one")
    file_digest = hashlib.file_digest

    def meanwhile(*arguments: object) -> object:
        result = file_digest(*arguments)  # type: ignore[arg-type]
        write(path, b"longer", age=30)
        return result

    hashes = ContentHashes(tmp_path / "cache")
    monkeypatch.setattr(hashlib, "file_digest", meanwhile)
    hashes.hash_files([path])
    monkeypatch.undo()
    assert hashes.hash_files([path]) == [digest(b"longer")]


def test_unreadable_files_are_reported_in_their_place(tmp_path: Path) -> None:
    good = write(tmp_path / "a.jpg", b"a")
    os.mkfifo(tmp_path / "pipe.jpg")
    first, missing, folder, pipe, last = ContentHashes(tmp_path / "cache").hash_files(
        [good, tmp_path / "missing.jpg", tmp_path, tmp_path / "pipe.jpg", good]
    )
    assert first == last == digest(b"a")
    assert isinstance(missing, FileNotFoundError)
    assert isinstance(folder, OSError)
    assert isinstance(pipe, OSError)


def test_names_that_are_not_unicode(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\n'.jpg"))
    try:
        write(path, b"odd")
    except (OSError, UnicodeError):
        unavailable(f"{tmp_path} allows no such name; point TMPDIR at a file system that takes any bytes")
    hashes = ContentHashes(tmp_path / "cache")
    assert hashes.hash_files([path]) == hashes.hash_files([path]) == [digest(b"odd")]


@pytest.mark.parametrize("damage", ["garbage", "cut", "other schema", "wrong values"])
def test_a_damaged_table_is_thrown_away(tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str) -> None:
    paths = [write(tmp_path / f"{number}.jpg", b"%d" % number) for number in range(500)]
    hashes = ContentHashes(tmp_path / "cache")
    expected = hashes.hash_files(paths)
    (table,) = (tmp_path / "cache").glob("*.sqlite")
    if damage == "garbage":
        table.write_bytes(b"not a database" * 1000)
    elif damage == "cut":
        table.write_bytes(table.read_bytes()[: 3 * 4096])
    else:
        connection = sqlite3.connect(table)
        with connection:
            if damage == "other schema":
                connection.execute("DROP TABLE files")
                connection.execute("CREATE TABLE files (name TEXT)")
            else:
                connection.execute("UPDATE files SET hash = 'x'")
        connection.close()
    with caplog.at_level(logging.WARNING):
        assert hashes.hash_files(paths) == expected
    assert sum("damaged" in record.message for record in caplog.records) == (damage != "wrong values")
    caplog.clear()
    assert hashes.hash_files(paths) == expected
    assert not caplog.records, "the new table is sound"


def test_a_table_that_cannot_be_used_is_done_without(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write(tmp_path / "a.jpg", b"a")
    hashes = ContentHashes(tmp_path / "cache")
    (tmp_path / "cache" / "stat_table.sqlite").mkdir()
    with caplog.at_level(logging.WARNING):
        assert hashes.hash_files([path]) == [digest(b"a")]
    assert any("not remembered" in record.message for record in caplog.records)


def test_a_cache_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunnerError, match="cache folder"):
        ContentHashes(tmp_path / "file" / "cache")


def _hash_all(cache: Path, folder: Path) -> list[str | OSError]:
    return ContentHashes(cache).hash_files(sorted(folder.iterdir()))


def test_several_processes_share_a_fresh_table(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(300):
        write(folder / f"{number:03d}.jpg", b"%d" % number)
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        results = pool.starmap(_hash_all, [(tmp_path / "cache", folder)] * 4)
    assert results == [[digest(b"%d" % number) for number in range(300)]] * 4
    connection = sqlite3.connect(tmp_path / "cache" / "stat_table.sqlite")
    assert connection.execute("SELECT count(*) FROM files").fetchone() == (300,)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
