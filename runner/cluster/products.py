"""Where the heavy matrix products run, and how an n × n problem is cut into tiles that fit memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

TILE = 2048
"""Side of a tile: a tile of float32 takes 16 MB, large enough for full speed, small enough for the cache."""

Progress = Callable[[float], None]
"""Called with the share of the work that is done, 0 to 1."""


def silent(_: float) -> None:
    """A ``Progress`` that reports nothing."""


@dataclass(frozen=True)
class Tile:
    """Squared Euclidean products of two blocks of rows: ``products[i, j] = x[rows][i] · x[columns][j]``."""

    rows: slice
    columns: slice
    products: torch.Tensor

    @property
    def is_diagonal(self) -> bool:
        return self.rows == self.columns


def blocks(n: int, size: int = TILE) -> list[slice]:
    """Consecutive slices of at most ``size`` that cover ``range(n)``."""
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]


def symmetric_tiles(vectors: np.ndarray, device: str, progress: Progress = silent) -> Iterator[Tile]:
    """Every unordered pair of rows once, tile by tile: half of the full product.

    Args:
        vectors: float32, shape (n, d).
        device: torch device that multiplies and holds the tile.
        progress: told after each tile.

    Yields:
        tiles with ``rows.start <= columns.start``; diagonal tiles hold both triangles.
    """
    n = len(vectors)
    slices = blocks(n)
    total, done = len(slices) * (len(slices) + 1) // 2, 0
    whole = as_tensor(vectors, device)
    for row_number, rows in enumerate(slices):
        for columns in slices[row_number:]:
            yield Tile(rows, columns, whole[rows] @ whole[columns].T)
            done += 1
            progress(done / total)


def as_tensor(vectors: np.ndarray, device: str) -> torch.Tensor:
    """``vectors`` on ``device``; on the CPU without a copy, also where they are a read-only memory map."""
    import warnings

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(np.asarray(vectors)).to(device)
