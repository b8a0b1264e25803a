"""Dendrograms: from merges in any order to a linkage matrix, and from that to labels."""

from __future__ import annotations

import numpy as np

from runner.cluster.distinct_rows import DistinctRows
from runner.cluster.graph.single_linkage import SpanningTree, dendrogram, find
from runner.errors import UsageError
from runner.utils.compiled import compiled

SAME_HEIGHT = 1e-10
"""Merges whose heights differ by a smaller share of them are a tie, which rounding may have broken either way."""


def sorted_dendrogram(
    merges: np.ndarray, heights: np.ndarray, distinct: DistinctRows | None = None, *, first_stage: int = 0
) -> np.ndarray:
    """Linkage matrix of merges that were found in any order.

    Which merges of a tie come first does not depend on that order: they join the clusters of the lowest rows first.

    Args:
        merges: int, shape (m-1, 2), for each merge a row from either cluster.
        heights: float64, shape (m-1,); no merge is lower than those of the clusters it joins, up to rounding.
        distinct: where the merges are of the m different rows only: all rows are, and equal ones are joined at 0 before
            anything else.
        first_stage: how many merges, the first ones given, come before all others; their heights are limited to the
            lowest one of these.

    Returns:
        float64, shape (n-1, 4), as ``scipy.cluster.hierarchy.linkage`` gives it.
    """
    inner, outer = heights[:first_stage], heights[first_stage:]
    order = np.concatenate([np.argsort(inner, kind="stable"), first_stage + np.argsort(outer, kind="stable")])
    heights = heights[order]
    merges = _ties_by_row(np.ascontiguousarray(merges[order], dtype=np.int32), heights, SAME_HEIGHT, first_stage)
    heights[:first_stage] = np.minimum(heights[:first_stage], outer.min(initial=np.inf))
    if distinct is not None and distinct.has_copies:
        to_copies = np.stack([distinct.firsts[distinct.numbers[distinct.copies]], distinct.copies], axis=1)
        merges = np.concatenate([to_copies, distinct.firsts[merges]]).astype(np.int32)
        heights = np.concatenate([np.zeros(len(to_copies)), heights])
    return dendrogram(SpanningTree(merges, heights))


@compiled(nogil=True)
def _ties_by_row(merges, heights, tolerance, first_stage):  # type: ignore[no-untyped-def]
    """Merges that lead to the same clusters after each tie, and within it join them in the order of their lowest rows.

    Args:
        merges: int32, shape (m-1, 2), sorted by height within either stage.
        heights: float64, shape (m-1,), ascending within either stage.
        tolerance: share of the height.
        first_stage: merges of the first stage, which make no tie with others.
    """
    n = len(merges) + 1
    ordered = np.empty_like(merges)
    lowest = np.arange(n)  # parents of a union-find in which the lowest row of a cluster is its root
    start = 0
    while start < len(merges):
        end = start + 1
        while end < len(merges) and end != first_stage and heights[end] <= heights[end - 1] * (1 + tolerance):
            end += 1
        joined = np.empty(2 * (end - start), dtype=np.int64)
        for step in range(start, end):
            joined[2 * (step - start)] = find(lowest, merges[step, 0])
            joined[2 * (step - start) + 1] = find(lowest, merges[step, 1])
        for step in range(start, end):
            one, other = find(lowest, merges[step, 0]), find(lowest, merges[step, 1])
            lowest[max(one, other)] = min(one, other)
        place = start
        for cluster in np.unique(joined):
            if lowest[cluster] != cluster:
                ordered[place, 0], ordered[place, 1] = find(lowest, cluster), cluster
                place += 1
        start = end
    return ordered


@compiled(nogil=True)
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


@compiled(nogil=True)
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
