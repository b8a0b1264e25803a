"""Dendrograms: from merges in any order to a linkage matrix, and from that to labels."""

from __future__ import annotations

import numba
import numpy as np

from runner.cluster.single_linkage import SpanningTree, dendrogram
from runner.errors import UsageError


def sorted_dendrogram(merges: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """Linkage matrix of merges that were found in any order.

    Args:
        merges: int, shape (n-1, 2), for each merge a row from either cluster.
        heights: float64, shape (n-1,); no merge is lower than those of the clusters it joins, up to rounding.

    Returns:
        float64, shape (n-1, 4), as ``scipy.cluster.hierarchy.linkage`` gives it.
    """
    order = np.argsort(heights, kind="stable")
    return dendrogram(SpanningTree(np.ascontiguousarray(merges[order], dtype=np.int32), heights[order]))


@numba.njit(cache=True, nogil=True)
def joined_rows(merges, n):  # type: ignore[no-untyped-def]
    """A row from either cluster that a merge joins.

    Args:
        merges: the first m rows of a linkage matrix, float64, shape (m, 4).
        n: number of vectors.

    Returns:
        int32, shape (m, 2).
    """
    rows = np.empty((len(merges), 2), dtype=np.int32)
    for step in range(len(merges)):
        for side in range(2):
            node = int(merges[step, side])
            rows[step, side] = node if node < n else rows[node - n, 0]
    return rows


def cut_linkage(merges: np.ndarray, n_clusters: int) -> np.ndarray:
    """Labels of exactly ``n_clusters`` clusters: all but the last ``n_clusters - 1`` merges are made.

    Merges of equal height are made in the order of the rows, so that ties never give more or fewer clusters
    (``scipy.cluster.hierarchy.fcluster`` with ``maxclust`` may give fewer).

    Args:
        merges: linkage matrix, float64, shape (n-1, 4), sorted by height.
        n_clusters: 1 … n.

    Returns:
        int32, shape (n,), numbered in the order in which the clusters first appear.

    Raises:
        UsageError: if there are not that many vectors.
    """
    n = len(merges) + 1
    if not 1 <= n_clusters <= n:
        raise UsageError(f"n_clusters must be between 1 and the number of vectors ({n}), got {n_clusters}")
    return _labels(merges[: n - n_clusters, :2].astype(np.int32), n)


@numba.njit(cache=True, nogil=True)
def _labels(joined, n):  # type: ignore[no-untyped-def]
    tops = np.arange(n + len(joined))
    for step in range(len(joined) - 1, -1, -1):
        tops[joined[step, 0]] = tops[n + step]
        tops[joined[step, 1]] = tops[n + step]
    numbers = np.full(len(tops), -1, dtype=np.int32)
    labels = np.empty(n, dtype=np.int32)
    count = 0
    for row in range(n):
        if numbers[tops[row]] < 0:
            numbers[tops[row]] = count
            count += 1
        labels[row] = numbers[tops[row]]
    return labels
