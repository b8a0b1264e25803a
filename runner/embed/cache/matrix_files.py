"""The ``.npy`` files that everything after embedding maps into memory; each can be thrown away and made again.

Each has its checksum beside it, see ``runner.utils.checked_files``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from runner.utils.checked_files import UNREADABLE, is_sound, remove_checked

_LENGTH_TOLERANCE = 1e-4
"""By which the length of a normalised float32 vector may differ from 1."""


def matrix_path(folder: Path, key: str, hashes: Sequence[str]) -> Path:
    """Where the vectors of these images belong; the name says which images, and in which order."""
    fingerprint = hashlib.blake2b("\n".join(hashes).encode(), digest_size=8).hexdigest()
    return folder / f"{key}-{fingerprint}.npy"


def is_written(path: Path, rows: int) -> bool:
    """Whether ``path`` holds a matrix of that many rows, undamaged; reads it as a whole."""
    return is_sound(path, _is_valid) and _shape(path)[0] == rows


def dimension_of(path: Path) -> int:
    """Length of the vectors in a matrix."""
    return _shape(path)[1]


def _shape(path: Path) -> tuple[int, int]:
    rows, dimension = np.load(path, mmap_mode="r", allow_pickle=False).shape
    return rows, dimension


def _is_valid(path: Path) -> bool:
    """Whether a file without a checksum is a whole matrix of normalised vectors."""
    try:
        matrix = np.load(path, mmap_mode="r", allow_pickle=False)
        assert isinstance(matrix, np.memmap)
        is_whole = matrix.dtype == np.float32 and matrix.offset + matrix.nbytes == path.stat().st_size
        lengths = np.sqrt(np.einsum("ij,ij->i", matrix, matrix))
    except UNREADABLE:
        return False
    return is_whole and bool((np.abs(lengths - 1) < _LENGTH_TOLERANCE).all())


def remove_others(path: Path, key: str) -> None:
    """Delete the matrices of ``key`` that were made for other images."""
    for other in path.parent.glob(f"{key}-*.npy"):
        if other != path and re.fullmatch(r"[0-9a-f]{16}", other.stem.removeprefix(f"{key}-")):
            remove_checked(other)


def find_matrix(folder: Path, key: str, rows: int) -> Path | None:
    """The matrix of ``key`` that a finished experiment left in ``folder``; None if it was deleted since.

    Args:
        folder: where the experiment kept its matrices.
        key: of an embedding.
        rows: images of the experiment.
    """
    named = [path for path in folder.glob(f"{key}-*.npy") if re.fullmatch(r"[0-9a-f]{16}", path.stem[len(key) + 1 :])]
    candidates = [path for path in (folder / f"{key}.npy", *named) if is_written(path, rows)]
    return max(candidates, key=lambda path: path.stat().st_mtime_ns, default=None)
