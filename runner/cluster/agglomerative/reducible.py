"""Ward and average cosine linkage of many vectors, exactly, in memory for the vectors alone.

The distance of two clusters follows from their sizes and centroids, so that no distance matrix is needed. Each cluster
keeps a short list of candidates (see ``active_clusters``) and pairs that are each other's nearest are merged as far as
the lists reach; then the clusters whose list no longer names their nearest are searched again, by one
blocked matrix product for all of them. After the first such round some ten more over ever fewer clusters
cost less than half a product of all vectors with all; the last thousand clusters are merged in a distance matrix.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba
import numpy as np

from runner.cluster.agglomerative.active_clusters import UNRESOLVED, ActiveClusters, distance
from runner.cluster.agglomerative.dendrogram import sorted_dendrogram
from runner.cluster.agglomerative.distance_matrix import AVERAGE, WARD, nearest_neighbor_chain, row_start
from runner.cluster.agglomerative.merging import merge_resolved
from runner.cluster.agglomerative.neighbor_search import ProductView, fill_candidates, search
from runner.cluster.distinct_rows import DistinctRows, distinct_rows
from runner.utils.compiled import compiled

if TYPE_CHECKING:
    from runner.cluster.graph.neighbors import Neighbors

CAPACITY = 32
"""Candidates per cluster. Half as many cost a tenth more products, twice as many save less than merging lists takes."""

MATRIX_LIMIT = 1024
"""So few clusters are merged in their distance matrix, which spares many rounds that merge few."""

COMPACT_BELOW = 0.8
"""Slots are compacted when fewer than this share of them is in use."""


def reducible_linkage(
    vectors: np.ndarray, ward: bool, neighbors: Neighbors | None = None, distinct: DistinctRows | None = None
) -> np.ndarray:
    """Linkage matrix of Ward's method, or of average linkage under cosine distance.

    Args:
        vectors: float, shape (n, d), n ≥ 1; for cosine without zero vectors.
        ward: Ward's method (Euclidean), else average linkage (cosine).
        neighbors: exact nearest neighbours of the vectors (for cosine: scaled to unit length); they spare the
            first search, which costs more than all others.
        distinct: the different vectors where they are known already.

    Returns:
        float64, shape (n-1, 4).
    """
    distinct = distinct or distinct_rows(vectors)
    clusters = _singletons(distinct.of(vectors), ward, distinct.weights)
    if neighbors is not None and len(distinct) > 1:
        _seed(clusters, ward, neighbors, distinct, np.einsum("ij,ij->i", vectors, vectors))
    merges: list[np.ndarray] = []
    heights: list[np.ndarray] = []
    left = len(distinct)
    while left > MATRIX_LIMIT:
        found, distances = np.empty((left - 1, 2), dtype=np.int32), np.empty(left - 1)
        count = merge_resolved(clusters, ward, found, distances)
        merges.append(found[:count])
        heights.append(distances[:count])
        left -= count
        if left < COMPACT_BELOW * len(clusters.states):
            clusters = clusters.compacted()
        if left > MATRIX_LIMIT:
            _search_unresolved(clusters, ward)
    found, distances = _merge_in_matrix(clusters.compacted(), ward)
    tree_heights = np.concatenate([*heights, distances])
    return sorted_dendrogram(
        np.concatenate([*merges, found]), np.sqrt(tree_heights) if ward else tree_heights, distinct
    )


def _singletons(vectors: np.ndarray, ward: bool, weights: np.ndarray) -> ActiveClusters:
    """A cluster of each different vector, whose row is the number of that vector."""
    centroids = np.array(vectors, dtype=np.float64)
    sizes = weights.astype(np.float64)
    if not ward:
        centroids /= np.linalg.norm(centroids, axis=1, keepdims=True)
    # Relative to the mean products are smaller, and so is what float32 loses of them.
    mean = centroids.mean(axis=0)
    if ward:
        centroids -= mean
        offsets = np.einsum("ij,ij->i", centroids, centroids)
    else:
        offsets = (1 + mean @ mean) / 2 - centroids @ mean
        centroids -= mean
    numbers = np.arange(len(centroids))
    return ActiveClusters.start(centroids, offsets, sizes, numbers, max(1, min(CAPACITY, len(numbers) - 1)))


def _seed(
    clusters: ActiveClusters, ward: bool, neighbors: Neighbors, distinct: DistinctRows, squared_norms: np.ndarray
) -> None:
    """Take the nearest neighbours as the first candidates."""
    firsts = distinct.firsts
    k = min(neighbors.k, clusters.candidates.shape[1])
    found = distinct.numbers[neighbors.indices[firsts, :k]]
    found.sort(axis=1)
    repeated = np.zeros(found.shape, dtype=bool)
    repeated[:, 1:] = found[:, 1:] == found[:, :-1]
    found[repeated | (found == np.arange(len(firsts))[:, None])] = -1
    # Which rows y made the list of x was decided by float32 products, each off by at most d + 4 roundings of
    # |x|² + |y|²; and |y|² ≤ 2|x|² + 2|x − y|².
    radii = np.square(neighbors.distances[firsts, k - 1])
    radii -= 3 * (clusters.centroids.shape[1] + 4) * np.finfo(np.float32).eps * (squared_norms[firsts] + radii)
    radii *= 2 * clusters.sizes / (clusters.sizes + 1) if ward else 0.5
    everything = np.arange(len(firsts))
    fill_candidates(clusters, ward, everything, found.astype(np.int32), radii, False)


def _search_unresolved(clusters: ActiveClusters, ward: bool) -> None:
    slots = np.flatnonzero(clusters.states == UNRESOLVED)
    for dtype in (np.float32, np.float64):
        view = ProductView.of(clusters, ward, dtype)
        found, radii = search(view, slots, clusters.candidates.shape[1])
        resolved = fill_candidates(clusters, ward, slots, found, radii, dtype == np.float64)
        slots = slots[~resolved]
        if len(slots) == 0:
            return


def _merge_in_matrix(clusters: ActiveClusters, ward: bool) -> tuple[np.ndarray, np.ndarray]:
    merges, heights = nearest_neighbor_chain(_distances(clusters, ward), clusters.sizes, WARD if ward else AVERAGE)
    return clusters.rows[merges], heights


@compiled(nogil=True, parallel=True)
def _distances(clusters, ward):  # type: ignore[no-untyped-def]
    n = len(clusters.sizes)
    condensed = np.empty(n * (n - 1) // 2)
    for one in numba.prange(n):
        for other in range(one + 1, n):
            condensed[row_start(n, one) + other] = distance(clusters, ward, np.int64(one), np.int64(other))
    return condensed
