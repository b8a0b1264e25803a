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
