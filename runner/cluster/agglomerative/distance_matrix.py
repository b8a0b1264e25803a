"""Linkages with the whole distance matrix in memory."""

from __future__ import annotations

import numba
import numpy as np

from runner.cluster.agglomerative.active_clusters import squared_distance
from runner.cluster.tiles import multiply
from runner.utils.compiled import compiled

AVERAGE, COMPLETE, WARD = range(3)

TIE = 1e-11
"""Distances that differ by a smaller share of them are equal: the first of such clusters is the nearest, so that what
rounding makes of a tie decides nothing."""

ROWS = 256
"""Rows of the matrix that are computed at a time."""

CANCELLED = 1e-3
"""Squared distances below this share of the squared norms have lost digits in the product and are computed anew."""


def condensed_distances(vectors: np.ndarray, euclidean: bool) -> np.ndarray:
    """All distances, laid out as by ``scipy.spatial.distance.pdist``.

    Args:
        vectors: float64, shape (n, d); of unit length for cosine.
        euclidean: Euclidean, else cosine distance.

    Returns:
        float64, shape (n(n-1)/2,).
    """
    n = len(vectors)
    if euclidean:
        vectors = vectors - vectors.mean(axis=0)
    squares = np.einsum("ij,ij->i", vectors, vectors)
    condensed = np.empty(n * (n - 1) // 2)
    for first in range(0, n, ROWS):
        products = multiply(vectors[first : first + ROWS], vectors[first:])
        _condense(products, first, vectors, squares, euclidean, condensed)
    return condensed


@compiled(nogil=True, parallel=True)
def _condense(products, first, vectors, squares, euclidean, condensed):  # type: ignore[no-untyped-def]
    n = len(vectors)
    for i in numba.prange(len(products)):
        row = first + i
        start = row_start(n, row)
        for column in range(row + 1, n):
            product = products[i, column - first]
            if euclidean:
                both = squares[row] + squares[column]
                squared = both - 2 * product
                if squared < CANCELLED * both:
                    squared = squared_distance(vectors[row], vectors[column])
                condensed[start + column] = np.sqrt(squared)
            else:
                condensed[start + column] = max(0.0, 1 - product)


@compiled(nogil=True)
def row_start(n, row):  # type: ignore[no-untyped-def]
    """What to add to a column > row to get the place of that pair in a condensed n × n matrix."""
    return n * row - row * (row + 1) // 2 - row - 1


@compiled(nogil=True)
def nearest_neighbor_chain(distances, sizes, linkage):  # type: ignore[no-untyped-def]
    """Merges by following chains of ever nearer neighbours (Murtagh 1983), in O(n²) time.

    Args:
        distances: float64, condensed, shape (n(n-1)/2,), overwritten; squared for Ward.
        sizes: float64, shape (n,), vectors that each of the n things stands for, overwritten.
        linkage: ``AVERAGE``, ``COMPLETE`` or ``WARD``.

    Returns:
        merges, int32, shape (n-1, 2), a thing out of either cluster, and heights, float64, shape (n-1,), unsorted.
    """
    n = len(sizes)
    merges = np.empty((n - 1, 2), dtype=np.int32)
    heights = np.empty(n - 1)
    alive = np.arange(n)
    chain = np.empty(n, dtype=np.int64)
    length = 0
    for step in range(n - 1):
        if length == 0:
            chain[0] = alive[0]
            length = 1
        while True:
            last = chain[length - 1]
            before = chain[length - 2] if length > 1 else -1
            nearest, height = _nearest(distances, alive[: n - step], n, last, before)
            if nearest == before:
                break
            chain[length] = nearest
            length += 1
        length -= 2
        merges[step, 0], merges[step, 1], heights[step] = last, nearest, height
        _remove(alive[: n - step], last)
        _update(distances, sizes, alive[: n - step - 1], n, last, nearest, height, linkage)
    return merges, heights


@compiled(nogil=True)
def _nearest(distances, alive, n, one, preferred):  # type: ignore[no-untyped-def]
    """Nearest of ``alive`` (ascending) and its distance; in a tie ``preferred``, which ends the chain."""
    nearest, least = -1, np.inf
    if preferred >= 0:
        nearest = preferred
        least = distances[row_start(n, min(one, preferred)) + max(one, preferred)]
    start = row_start(n, one)
    for other in alive:
        if other == one:
            continue
        value = distances[start + other] if other > one else distances[row_start(n, other) + one]
        if value < least * (1 - TIE):
            nearest, least = other, value
    return nearest, least


@compiled(nogil=True)
def _remove(alive, gone):  # type: ignore[no-untyped-def]
    kept = 0
    for one in alive:
        if one != gone:
            alive[kept] = one
            kept += 1


@compiled(nogil=True)
def _update(distances, sizes, alive, n, gone, kept, height, linkage):  # type: ignore[no-untyped-def]
    """Distances of all others to the union of two clusters (Lance and Williams 1967), stored as those of ``kept``."""
    a, b = sizes[gone], sizes[kept]
    sizes[kept] = a + b
    for other in alive:
        if other == kept:
            continue
        place = row_start(n, min(other, kept)) + max(other, kept)
        to_gone = distances[row_start(n, min(other, gone)) + max(other, gone)]
        to_kept = distances[place]
        if linkage == AVERAGE:
            distances[place] = (a * to_gone + b * to_kept) / (a + b)
        elif linkage == COMPLETE:
            distances[place] = max(to_gone, to_kept)
        else:
            x = sizes[other]
            distances[place] = ((a + x) * to_gone + (b + x) * to_kept - x * height) / (a + b + x)
