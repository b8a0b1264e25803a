"""Files that are there as a whole or not at all."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from runner.atomic import replaced_atomically, save_array


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
