"""From a graph of the different rows to that of all rows, equal ones included."""

from __future__ import annotations

import numba
import numpy as np

from runner.cluster.distinct_rows import DistinctRows
from runner.cluster.graph.single_linkage import SpanningTree
from runner.utils.compiled import compiled


def spread_neighbors(
    indices: np.ndarray, distances: np.ndarray, distinct: DistinctRows, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest others of all rows, by (distance, row).

    Args:
        indices: int32, shape (m, ≥ min(k, m-1)), the nearest others of each different row, by (distance, number).
        distances: float64, the same shape.
        distinct: which rows are equal.
        k: neighbours wanted, at most n-1.

    Returns:
        indices, int32, and distances, float64, shape (n, k).
    """
    if not distinct.has_copies:
        return indices, distances
    members = np.argsort(distinct.numbers, kind="stable").astype(np.int32)
    starts = np.concatenate([[0], np.cumsum(distinct.weights)])
    all_indices, all_distances = np.empty((distinct.n, k), dtype=np.int32), np.empty((distinct.n, k))
    _spread(indices, distances, members, starts, all_indices, all_distances)
    return all_indices, all_distances


@compiled(parallel=True)
def _spread(found, found_distances, members, starts, indices, distances):  # type: ignore[no-untyped-def]
    """Fill in the lists of all rows: those of one kind share a list of k + 1, of which each leaves itself out."""
    k = indices.shape[1]
    for kind in numba.prange(len(starts) - 1):
        rows = np.empty(k + 1, dtype=np.int32)
        lengths = np.full(k + 1, np.inf)
        for member in members[starts[kind] : starts[kind + 1]][: k + 1]:
            _insert(0.0, member, lengths, rows)
        for slot in range(found.shape[1]):
            if found_distances[kind, slot] > lengths[-1]:
                break
            other = found[kind, slot]
            for member in members[starts[other] : starts[other + 1]][: k + 1]:
                _insert(found_distances[kind, slot], member, lengths, rows)
        for row in members[starts[kind] : starts[kind + 1]]:
            filled = 0
            for slot in range(k + 1):
                if rows[slot] != row and filled < k:
                    indices[row, filled], distances[row, filled] = rows[slot], lengths[slot]
                    filled += 1


@numba.njit(inline="always")
def _insert(length, row, lengths, rows):  # type: ignore[no-untyped-def]
    """Insert by (length, row); what comes last is lost."""
    place = len(lengths)
    while place > 0 and (lengths[place - 1] > length or (lengths[place - 1] == length and rows[place - 1] > row)):
        place -= 1
        if place + 1 < len(lengths):
            lengths[place + 1], rows[place + 1] = lengths[place], rows[place]
    if place < len(lengths):
        lengths[place], rows[place] = length, row


def spread_tree(tree: SpanningTree, core: np.ndarray, distinct: DistinctRows) -> SpanningTree:
    """A spanning tree of all rows under mutual reachability.

    A copy is joined to the first row that it equals, at their core distance, which is the least that any edge of either
    weighs; of edges that weigh the same these come first, so that equal rows are one cluster before it meets another.

    Args:
        tree: of the different rows; edges of equal weight stay in their order.
        core: float64, shape (m,), core distance of each different row.
        distinct: which rows are equal.
    """
    if not distinct.has_copies:
        return tree
    numbers = distinct.numbers[distinct.copies]
    to_copies = np.stack([distinct.firsts[numbers], distinct.copies], axis=1)
    edges = np.concatenate([to_copies, distinct.firsts[tree.edges]]).astype(np.int32)
    weights = np.concatenate([core[numbers], tree.weights])
    order = np.argsort(weights, kind="stable")
    return SpanningTree(edges[order], weights[order])
