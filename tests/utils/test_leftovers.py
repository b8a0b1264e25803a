"""What dead processes left is told from what living ones write."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runner.utils import leftovers
from runner.utils.atomic import replaced_atomically, temporary_folder
from runner.utils.leftovers import is_leftover, leftovers_in, remove, temporary_name

LEAVE = """
import os, sys
from pathlib import Path
from runner.utils.leftovers import temporary_name
(Path(sys.argv[1]) / temporary_name(".npy")).write_bytes(b"half")
folder = Path(sys.argv[1]) / temporary_name()
folder.mkdir()
(folder / "part").write_bytes(b"half")
print(flush=True)
sys.stdin.read()
"""


def test_by_the_process_and_not_by_the_age(tmp_path: Path) -> None:
    command = [sys.executable, "-c", LEAVE, str(tmp_path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    assert leftovers_in([tmp_path, tmp_path / "not there"]) == []
    process.kill()
    process.communicate()
    assert len(leftovers_in([tmp_path])) == 2
    for path in leftovers_in([tmp_path]):
        remove(path)
    assert list(tmp_path.iterdir()) == []


def test_what_this_process_writes_is_none(tmp_path: Path) -> None:
    with replaced_atomically(tmp_path / "file") as temporary, temporary_folder(tmp_path) as folder:
        temporary.write_bytes(b"")
        assert not is_leftover(temporary)
        assert not is_leftover(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_number_that_another_process_has_now_does_not_keep_it(tmp_path: Path) -> None:
    path = tmp_path / temporary_name()
    path.touch()
    os.utime(path, (1, 1))  # before this process started
    assert is_leftover(path)


@pytest.mark.parametrize("name", [".partial-0123456789abcdef0123456789abcdef.npy", ".pixels-x", ".partial-1"])
def test_of_another_machine_or_version_by_the_age(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.touch()
    assert not is_leftover(path)
    os.utime(path, (time.time() - 2 * leftovers.LEFTOVER_AGE.total_seconds(),) * 2)
    assert is_leftover(path)


def test_other_names_are_never_touched(tmp_path: Path) -> None:
    path = tmp_path / "partial-1"
    path.touch()
    os.utime(path, (1, 1))
    assert leftovers_in([tmp_path]) == []
