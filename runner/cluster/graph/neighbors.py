"""The exact k-nearest-neighbour graph, the first half of the shared geometry.

Neighbours are ordered by (float64 distance, row), whatever the processor, its libraries, the size of blocks and the
number of threads: float32 products only propose candidates, and where a row that they left out may be as near as the
last neighbour, as in ties, all rows that may be are looked at again in float64. Equal rows are looked at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import torch

from runner.cluster.copies import spread_neighbors
from runner.cluster.distinct_rows import DistinctRows, distinct_rows
from runner.cluster.tiles import ROUNDING, Progress, Tile, as_tensor, blocks, multiply, silent, symmetric_tiles
from runner.utils.compiled import compiled

EXTRA_CANDIDATES = 4
"""Candidates kept beyond k, so that most rows need not be looked at again."""

SECOND_LOOK = (256, 16_384)
"""Rows and columns of a block in which rows are looked at again."""

TWO = np.float32(2)
"""Keeps compiled loops in single precision, where a plain 2 would double the width of every number."""

STRIP = 128
"""Columns that are looked over together before any is looked at alone: most strips hold no neighbour."""


@dataclass(frozen=True)
class Neighbors:
    """The k nearest other rows of every row, nearest first.

    Attributes:
        indices: int32, shape (n, k).
        distances: Euclidean, float64, shape (n, k).
    """

    indices: np.ndarray
    distances: np.ndarray

    @property
    def k(self) -> int:
        return self.indices.shape[1]

    def core_distances(self, min_samples: int) -> np.ndarray:
        """Distance to the ``min_samples``-th nearest other row, float64, shape (n,)."""
        return self.distances[:, min_samples - 1]


def nearest_neighbors(
    vectors: np.ndarray,
    k: int,
    device: str = "cpu",
    progress: Progress = silent,
    *,
    distinct: DistinctRows | None = None,
) -> Neighbors:
    """Exact nearest neighbours by blocked matrix products, each pair of different rows multiplied once.

    Candidates are chosen in float32; their distances are then computed in float64 from the coordinate
    differences, so that near-duplicates, whose distance a product would lose, are ordered rightly.

    Args:
        vectors: float32, shape (n, d); a read-only memory map will do.
        k: neighbours per row, 1 ≤ k < n.
        device: torch device of the products.
        progress: told the share of the work done.
        distinct: the different rows where they are known already.

    Raises:
        ValueError: if k is not in 1 … n-1.
    """
    n = len(vectors)
    if not 1 <= k < n:
        raise ValueError(f"k must be between 1 and {n - 1} for {n} vectors, got {k}")
    distinct = distinct or distinct_rows(vectors)
    found = _neighbors_of_different(distinct.of(np.asarray(vectors)), min(k, len(distinct) - 1), device, progress)
    return Neighbors(*spread_neighbors(found.indices, found.distances, distinct, k))


def _neighbors_of_different(vectors: np.ndarray, k: int, device: str, progress: Progress) -> Neighbors:
    """The same for rows none of which equals another; k may be 0."""
    if not k:
        return Neighbors(np.empty((len(vectors), 0), np.int32), np.empty((len(vectors), 0)))
    kept = min(k + EXTRA_CANDIDATES, len(vectors) - 1)
    candidates = (_candidates_cpu if device == "cpu" else _candidates_torch)(vectors, kept, device, progress)
    distances = exact_distances(vectors, candidates)
    order = np.lexsort((candidates, distances), axis=1)
    candidates, distances = np.take_along_axis(candidates, order, 1), np.take_along_axis(distances, order, 1)
    found = Neighbors(np.ascontiguousarray(candidates[:, :k]), np.ascontiguousarray(distances[:, :k]))
    if kept < len(vectors) - 1:
        _look_again(vectors, found, distances[:, -1], device)
    return found


def _look_again(vectors: np.ndarray, found: Neighbors, farthest: np.ndarray, device: str) -> None:
    """Put right the rows for which another than the candidates may be as near as the last neighbour.

    Whatever is no candidate has a float32 distance that is not below that of the farthest candidate, and a row y within
    the radius r of x has |y| ≤ |x| + r, which bounds the rounding error of its distance.

    Args:
        vectors: float32, shape (m, d).
        found: of all rows; changed in place.
        farthest: float64, shape (m,), distance of each row's farthest candidate.
        device: torch device of the products.
    """
    norms = squared_norms(vectors).astype(np.float64)
    radii = found.distances[:, -1]
    errors = ROUNDING * (norms + np.square(np.sqrt(norms) + farthest))
    unsure = np.flatnonzero(np.square(farthest) - 2 * errors <= np.square(radii))
    limits = np.square(radii) + errors
    whole = as_tensor(vectors, device)
    n_rows, n_columns = SECOND_LOOK
    for block in blocks(len(unsure), n_rows):
        rows = unsure[block]
        indices = np.zeros((len(rows), found.k), np.int32)
        distances = np.full((len(rows), found.k), np.inf)
        for columns in blocks(len(vectors), n_columns):
            products = multiply(whole[torch.from_numpy(rows).to(device)], whole[columns]).cpu().numpy()
            _keep_nearest_exactly(
                products, vectors, rows, columns.start, norms, limits[rows], indices, distances
            )  # fmt: skip
        found.indices[rows], found.distances[rows] = indices, distances


@compiled(parallel=True)
def _keep_nearest_exactly(products, vectors, rows, column_start, norms, limits, indices, best):  # type: ignore[no-untyped-def]
    """Merge a block of columns into the lists of the nearest by (float64 distance, column), of the columns whose
    squared distance by product is within the row's limit."""
    for i in numba.prange(len(rows)):
        row = rows[i]
        for j in range(products.shape[1]):
            column = column_start + j
            if norms[row] + norms[column] - 2 * np.float64(products[i, j]) > limits[i] or column == row:
                continue
            total = 0.0
            for axis in range(vectors.shape[1]):
                difference = np.float64(vectors[row, axis]) - np.float64(vectors[column, axis])
                total += difference * difference
            distance = np.sqrt(total)
            if distance < best[i, -1]:
                _insert(distance, column, best[i], indices[i])


def squared_norms(vectors: np.ndarray) -> np.ndarray:
    """|x|² of every row, float32, shape (n,)."""
    return np.einsum("ij,ij->i", vectors, vectors, dtype=np.float32)


def _candidates_cpu(vectors: np.ndarray, k: int, device: str, progress: Progress) -> np.ndarray:
    n = len(vectors)
    norms = squared_norms(vectors)
    best = np.full((n, k), np.inf, dtype=np.float32)
    indices = np.zeros((n, k), dtype=np.int32)
    for tile in symmetric_tiles(vectors, device, progress):
        products = tile.products.numpy()
        rows, columns = tile.rows, tile.columns
        _keep_nearest_of_rows(products, norms[rows], norms[columns], rows.start, columns.start, best, indices)
        if not tile.is_diagonal:
            _keep_nearest_of_columns(products, norms[rows], norms[columns], rows.start, columns.start, best, indices)
    return indices


@numba.njit(inline="always")
def _insert(distance, index, best, indices):  # type: ignore[no-untyped-def]
    place = best.shape[0] - 1
    while place > 0 and best[place - 1] > distance:
        best[place] = best[place - 1]
        indices[place] = indices[place - 1]
        place -= 1
    best[place] = distance
    indices[place] = index


@compiled(parallel=True)
def _keep_nearest_of_rows(products, row_norms, column_norms, row_start, column_start, best, indices):  # type: ignore[no-untyped-def]
    width = products.shape[1]
    for i in numba.prange(products.shape[0]):
        row = row_start + i
        worst = best[row, -1]
        for first in range(0, width, STRIP):
            last = min(first + STRIP, width)
            if not _any_below(products[i, first:last], row_norms[i], column_norms[first:last], worst):
                continue
            for j in range(first, last):
                distance = row_norms[i] + column_norms[j] - TWO * products[i, j]
                if distance < worst and column_start + j != row:
                    _insert(distance, column_start + j, best[row], indices[row])
                    worst = best[row, -1]


@compiled(parallel=True)
def _keep_nearest_of_columns(products, row_norms, column_norms, row_start, column_start, best, indices):  # type: ignore[no-untyped-def]
    width = products.shape[1]
    for strip in numba.prange((width + STRIP - 1) // STRIP):
        first, last = strip * STRIP, min(strip * STRIP + STRIP, width)
        worst = best[column_start + first : column_start + last, -1].copy()
        for i in range(products.shape[0]):
            if not _any_below_each(products[i, first:last], row_norms[i], column_norms[first:last], worst):
                continue
            for j in range(first, last):
                distance = row_norms[i] + column_norms[j] - TWO * products[i, j]
                if distance < worst[j - first]:
                    _insert(distance, row_start + i, best[column_start + j], indices[column_start + j])
                    worst[j - first] = best[column_start + j, -1]


@numba.njit(inline="always")
def _any_below(products, row_norm, column_norms, limit):  # type: ignore[no-untyped-def]
    """Whether any squared distance is below ``limit``; without a branch, so that it runs in vector instructions."""
    count = 0
    for j in range(len(products)):
        count += row_norm + column_norms[j] - TWO * products[j] < limit
    return count > 0


@numba.njit(inline="always")
def _any_below_each(products, row_norm, column_norms, limits):  # type: ignore[no-untyped-def]
    count = 0
    for j in range(len(products)):
        count += row_norm + column_norms[j] - TWO * products[j] < limits[j]
    return count > 0


@compiled(parallel=True)
def exact_distances(vectors, indices):  # type: ignore[no-untyped-def]
    """Euclidean distance of each row to others, float64, shape (n, k), from float32 vectors and indices (n, k)."""
    n, k = indices.shape
    distances = np.empty((n, k))
    for i in numba.prange(n):
        for slot in range(k):
            j = indices[i, slot]
            total = 0.0
            for axis in range(vectors.shape[1]):
                difference = np.float64(vectors[i, axis]) - np.float64(vectors[j, axis])
                total += difference * difference
            distances[i, slot] = np.sqrt(total)
    return distances


def _candidates_torch(vectors: np.ndarray, k: int, device: str, progress: Progress) -> np.ndarray:
    """The same on an accelerator: per tile a ``topk`` that is merged into the running lists."""
    n = len(vectors)
    norms = as_tensor(squared_norms(vectors), device)
    best = torch.full((n, k), torch.inf, device=device)
    indices = torch.zeros((n, k), dtype=torch.int32, device=device)

    def merge(rows: slice, columns: slice, squared: torch.Tensor) -> None:
        numbers = torch.arange(columns.start, columns.stop, dtype=torch.int32, device=device)
        nearest, which = torch.topk(squared, min(k, squared.shape[1]), dim=1, largest=False)
        joined = torch.cat([best[rows], nearest], dim=1)
        joined_indices = torch.cat([indices[rows], numbers[which]], dim=1)
        best[rows], order = torch.topk(joined, k, dim=1, largest=False)
        indices[rows] = torch.gather(joined_indices, 1, order)

    for tile in symmetric_tiles(vectors, device, progress):
        squared = _squared_distances(tile, norms)
        if tile.is_diagonal:
            squared.fill_diagonal_(torch.inf)
        else:
            merge(tile.columns, tile.rows, squared.T)
        merge(tile.rows, tile.columns, squared)
    return indices.cpu().numpy()


def _squared_distances(tile: Tile, norms: torch.Tensor) -> torch.Tensor:
    return norms[tile.rows, None] + norms[None, tile.columns] - 2 * tile.products
