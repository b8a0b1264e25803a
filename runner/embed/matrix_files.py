"""The ``.npy`` files that everything after embedding maps into memory; each can be thrown away and made again."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np


def matrix_path(folder: Path, key: str, hashes: Sequence[str]) -> Path:
    """Where the vectors of these images belong; the name says which images, and in which order."""
    fingerprint = hashlib.blake2b("\n".join(hashes).encode(), digest_size=8).hexdigest()
    return folder / f"{key}-{fingerprint}.npy"


def is_written(path: Path, rows: int) -> bool:
    """Whether ``path`` holds a matrix of that many rows."""
    try:
        matrix = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError):
        return False
    return matrix.ndim == 2 and len(matrix) == rows and matrix.dtype == np.float32


def dimension_of(path: Path) -> int:
    """Length of the vectors in a matrix."""
    return int(np.load(path, mmap_mode="r", allow_pickle=False).shape[1])


def remove_others(path: Path, key: str) -> None:
    """Delete the matrices of ``key`` that were made for other images."""
    for other in path.parent.glob(f"{key}-*.npy"):
        if other != path and re.fullmatch(r"[0-9a-f]{16}", other.stem.removeprefix(f"{key}-")):
            other.unlink(missing_ok=True)


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
