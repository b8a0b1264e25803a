"""Where the heavy matrix products run, and how an n × n problem is cut into tiles that fit memory.

All products of rows that a partition rests on are made by ``multiply``. Their last bits depend on the processor, on the
library, on the number of threads and on a row's place in its block, so that no decision may rest on them: they say
which pairs are worth a look, within ``rounding_error``, and float64 distances decide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch

TILE = 2048
"""Side of a tile: a tile of float32 takes 16 MB, large enough for full speed, small enough for the cache."""

ROUNDING = 2e-6
"""Bound on the error of a squared distance that is taken from a float32 product of two rows, as a share of the sum of
their squared norms: three times the largest error seen with 500 to 4000 dimensions."""

SAME = 1e-12
"""Float64 numbers that differ by a smaller share count as equal: so much a sum may differ with the order in which a
processor adds, and more than that only where it should."""

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
            yield Tile(rows, columns, multiply(whole[rows], whole[columns]))
            done += 1
            progress(done / total)


Matrix = TypeVar("Matrix", np.ndarray, torch.Tensor)


def multiply(left: Matrix, right: Matrix, *, plus: Matrix | None = None, out: Matrix | None = None) -> Matrix:
    """Products of all rows of ``left``, shape (r, d), with all of ``right``, shape (c, d).

    Args:
        left, right: both of NumPy or both of torch, of one dtype.
        plus: shape (c,), added to each row of the result; of torch only.
        out: where the result goes.

    Returns:
        shape (r, c).
    """
    return _product(left, right, plus, out)


def _product(left: Matrix, right: Matrix, plus: Matrix | None, out: Matrix | None) -> Matrix:
    """The one place where it is made; tests put another in its place, whose last bits differ."""
    if isinstance(left, np.ndarray):
        return np.matmul(left, right.T, out=out)
    return torch.matmul(left, right.T, out=out) if plus is None else torch.addmm(plus, left, right.T)


def rounding_error(squared_norms: np.ndarray) -> np.ndarray:
    """Bound on the error of a squared distance taken from a float32 product, given the sum of both squared norms.

    The constant is for squares that vanish in float32.
    """
    return ROUNDING * squared_norms + 1e-35


def as_tensor(vectors: np.ndarray, device: str) -> torch.Tensor:
    """``vectors`` on ``device``; on the CPU without a copy, also where they are a read-only memory map."""
    import warnings

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(np.asarray(vectors)).to(device)
