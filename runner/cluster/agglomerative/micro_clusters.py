"""Linkages of more vectors than a distance matrix of all of them fits memory for."""

from __future__ import annotations

import numba
import numpy as np

from runner.cluster.agglomerative.dendrogram import cut_linkage, joined_rows, sorted_dendrogram
from runner.cluster.agglomerative.distance_matrix import AVERAGE, COMPLETE, nearest_neighbor_chain, row_start
from runner.cluster.tiles import multiply
from runner.utils.compiled import compiled

ROWS, COLUMNS = 1024, 4096
"""A block of products: 16 MB in float32."""


def micro_cluster_linkage(
    vectors: np.ndarray, ward_merges: np.ndarray, n_micro_clusters: int, euclidean: bool, complete: bool
) -> np.ndarray:
    """Average or complete linkage that starts from the clusters of a Ward cut in place of single vectors.

    Distances between the micro-clusters are those of the linkage itself, the mean or the maximum over all pairs
    of their vectors, not those of representatives; what is approximate is only which vectors are merged first. Below
    the cut the tree is Ward's, its heights limited to that of the first merge above.

    Args:
        vectors: float32, shape (n, d); of unit length for cosine.
        ward_merges: Ward's linkage matrix of the vectors, float64, shape (n-1, 4).
        n_micro_clusters: 2 … n; the condensed float64 matrix of so many is held in memory.
        euclidean: Euclidean, else cosine distance.
        complete: complete linkage, else average.

    Returns:
        linkage matrix, float64, shape (n-1, 4).
    """
    labels = cut_linkage(ward_merges, n_micro_clusters)
    sizes = np.bincount(labels).astype(np.float64)
    distances = micro_distances(vectors, labels, sizes, euclidean, complete)
    merges, heights = nearest_neighbor_chain(distances, sizes, COMPLETE if complete else AVERAGE)
    representatives = np.unique(labels, return_index=True)[1]
    inner = ward_merges[: len(vectors) - n_micro_clusters]
    inner_heights = inner[:, 2] if euclidean else inner[:, 2] ** 2 / 2
    return sorted_dendrogram(
        np.concatenate([joined_rows(inner, len(vectors)), representatives[merges]]),
        np.concatenate([inner_heights, heights]),
        first_stage=len(inner),
    )


def micro_distances(
    vectors: np.ndarray, labels: np.ndarray, sizes: np.ndarray, euclidean: bool, complete: bool
) -> np.ndarray:
    """Condensed float64 distances between labels, from one pass over the products of all pairs of vectors."""
    n, n_labels = len(vectors), len(sizes)
    order = np.argsort(labels, kind="stable")
    labels, vectors = labels[order], vectors[order]
    if euclidean:
        vectors -= vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    squares = np.einsum("ij,ij->i", vectors, vectors)
    condensed = np.zeros(n_labels * (n_labels - 1) // 2)
    for first in range(0, n, ROWS):
        rows = slice(first, first + ROWS)
        for start in range(first, n, COLUMNS):
            columns = slice(start, start + COLUMNS)
            products = multiply(vectors[rows], vectors[columns])
            _accumulate(
                products, squares[rows], squares[columns], labels[rows], labels[columns], euclidean, complete,
                n_labels, condensed,
            )  # fmt: skip
    if not complete:
        for label in range(n_labels - 1):
            first = row_start(n_labels, label) + label + 1
            condensed[first : first + n_labels - label - 1] /= sizes[label] * sizes[label + 1 :]
    return condensed


@compiled(nogil=True)
def _count_below(ascending, limit):  # type: ignore[no-untyped-def]
    low, high = 0, len(ascending)
    while low < high:
        middle = (low + high) // 2
        if ascending[middle] < limit:
            low = middle + 1
        else:
            high = middle
    return low


@compiled(nogil=True, parallel=True)
def _accumulate(  # type: ignore[no-untyped-def]
    products, row_squares, column_squares, row_labels, column_labels, euclidean, complete, n_labels, condensed
):
    """Add a block to the sums or maxima of the pairs of labels; labels ascend along rows and columns."""
    lowest = row_labels[0]
    for step in numba.prange(row_labels[-1] - lowest + 1):  # a label's rows are one thread's, so that none share a sum
        label = lowest + step
        start = row_start(n_labels, label)
        first_column = _count_below(column_labels, label + 1)
        for row in range(_count_below(row_labels, label), _count_below(row_labels, label + 1)):
            for column in range(first_column, len(column_labels)):
                if euclidean:
                    squared = row_squares[row] + column_squares[column] - 2 * products[row, column]
                    value = np.sqrt(max(squared, np.float32(0)))
                else:
                    value = max(np.float32(1) - products[row, column], np.float32(0))
                place = start + column_labels[column]
                if complete:
                    condensed[place] = max(condensed[place], np.float64(value))
                else:
                    condensed[place] += value
