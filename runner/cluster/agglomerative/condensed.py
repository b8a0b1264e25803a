"""Linkages that have the whole distance matrix in memory."""

from __future__ import annotations

import numba
import numpy as np

AVERAGE, COMPLETE, WARD = 0, 1, 2


@numba.njit(cache=True, nogil=True)
def _place(n, i, j):  # type: ignore[no-untyped-def]
    """Where the pair i, j stands in a condensed matrix (``scipy.spatial.distance.pdist``)."""
    if i > j:
        i, j = j, i
    return n * i - i * (i + 1) // 2 + (j - i - 1)


@numba.njit(cache=True, nogil=True)
def _nearest_alive(distances, alive, n_alive, n, x, preferred, best):  # type: ignore[no-untyped-def]
    nearest = preferred
    index = 0
    while index < n_alive and alive[index] < x:
        i = alive[index]
        value = distances[n * i - i * (i + 1) // 2 + (x - i - 1)]
        if value < best:
            best, nearest = value, i
        index += 1
    row = n * x - x * (x + 1) // 2 - x - 1
    for later in range(index, n_alive):
        i = alive[later]
        if i == x:
            continue
        value = distances[row + i]
        if value < best:
            best, nearest = value, i
    return nearest, best


@numba.njit(cache=True, nogil=True)
def nearest_neighbor_chain(distances, sizes, linkage):  # type: ignore[no-untyped-def]
    """Merges of a reducible linkage by following chains of nearest neighbours (Murtagh 1983), O(n²) time.

    Args:
        distances: float64, condensed, shape (n(n-1)/2,), overwritten; squared for Ward.
        sizes: float64, shape (n,), weights of the n things, overwritten.
        linkage: ``AVERAGE``, ``COMPLETE`` or ``WARD``.

    Returns:
        merges, int32, shape (n-1, 2), one thing out of either cluster, and heights, float64, shape (n-1,), not sorted.
    """
    n = len(sizes)
    merges = np.empty((max(n - 1, 0), 2), dtype=np.int32)
    heights = np.empty(max(n - 1, 0))
    alive = np.arange(n)
    n_alive = n
    chain = np.empty(n, dtype=np.int64)
    length = 0
    for step in range(n - 1):
        if length == 0:
            chain[0] = alive[0]
            length = 1
        while True:
            x = chain[length - 1]
            y, best = -1, np.inf
            if length > 1:
                y = chain[length - 2]
                best = distances[_place(n, x, y)]
            y, best = _nearest_alive(distances, alive, n_alive, n, x, y, best)
            if length > 1 and y == chain[length - 2]:
                break
            chain[length] = y
            length += 1
        length -= 2
        merges[step, 0], merges[step, 1], heights[step] = x, y, best
        n_alive = _remove(alive, n_alive, x)
        _update(distances, sizes, alive, n_alive, n, x, y, best, linkage)
    return merges, heights


@numba.njit(cache=True, nogil=True)
def _remove(alive, n_alive, x):  # type: ignore[no-untyped-def]
    place = np.searchsorted(alive[:n_alive], x)
    for index in range(place, n_alive - 1):
        alive[index] = alive[index + 1]
    return n_alive - 1


@numba.njit(cache=True, nogil=True)
def _update(distances, sizes, alive, n_alive, n, gone, kept, height, linkage):  # type: ignore[no-untyped-def]
    """Distances from all others to the union of two clusters (Lance and Williams 1967), stored under ``kept``."""
    a, b = sizes[gone], sizes[kept]
    sizes[kept] = a + b
    for index in range(n_alive):
        i = alive[index]
        if i == kept:
            continue
        place = _place(n, i, kept)
        to_gone, to_kept = distances[_place(n, i, gone)], distances[place]
        if linkage == AVERAGE:
            distances[place] = (a * to_gone + b * to_kept) / (a + b)
        elif linkage == COMPLETE:
            distances[place] = max(to_gone, to_kept)
        else:
            x = sizes[i]
            distances[place] = ((a + x) * to_gone + (b + x) * to_kept - x * height) / (a + b + x)
