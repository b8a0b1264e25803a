"""Files that are there as a whole or not at all."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from runner.utils.atomic import new_array, replaced_atomically, save_array


@contextmanager
def files_limited(size: int) -> Iterator[None]:
    """No file can grow beyond ``size`` bytes in the block, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_an_array_is_read_back(tmp_path: Path) -> None:
    array = np.asfortranarray(np.arange(12, dtype=np.float32).reshape(3, 4))
    save_array(tmp_path / "array.npy", array)
    assert np.array_equal(np.load(tmp_path / "array.npy", mmap_mode="r"), array)


@pytest.mark.parametrize("missing", [1, 100, 5000, 20_000])
def test_an_array_that_does_not_fit_on_the_disk_is_refused(missing: int, tmp_path: Path) -> None:
    array = np.arange(5000, dtype=np.float32)
    with (
        files_limited(128 + array.nbytes - missing),
        pytest.raises(OSError),
        replaced_atomically(tmp_path / "array.npy") as temporary,
    ):
        save_array(temporary, array)
    assert list(tmp_path.iterdir()) == []


def test_a_new_array_has_its_space_on_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "array.npy"
    array = new_array(path, (3, 100_000), np.float32)
    assert path.stat().st_blocks * 512 >= array.nbytes
    array[1] = 7
    array.flush()
    assert np.array_equal(np.load(path), array) and np.load(path).sum() == 700_000


SMALL_DISK = """
mount -t tmpfs -o size=1m none "$1" && echo mounted
exec "$2" -c 'import sys
from pathlib import Path
from runner.utils.atomic import new_array
new_array(Path(sys.argv[1], "array.npy"), (3, 100_000), "float32")[:] = 1
' "$1"
"""
"""In a space of mounts of its own, which ends with it."""


def test_a_new_array_that_does_not_fit_on_the_disk_is_refused(tmp_path: Path) -> None:
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", SMALL_DISK, "sh"]
    try:
        done = subprocess.run([*command, str(tmp_path), sys.executable], capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("there is no unshare, which only Linux has")
    if "mounted" not in done.stdout:
        pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
    assert done.returncode == 1 and "No space left on device" in done.stderr, (done.returncode, done.stderr)
