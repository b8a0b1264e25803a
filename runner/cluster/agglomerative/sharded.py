"""Linkages of more vectors than can be compared with each other, in two stages."""

from __future__ import annotations

import numpy as np

from runner.cluster.agglomerative.dendrogram import cut_linkage, joined_rows, sorted_dendrogram
from runner.cluster.agglomerative.distance_matrix import (
    AVERAGE,
    COMPLETE,
    WARD,
    condensed_distances,
    nearest_neighbor_chain,
    row_start,
)
from runner.cluster.agglomerative.micro_clusters import micro_distances
from runner.cluster.distinct_rows import DistinctRows, distinct_rows
from runner.cluster.graph.approximate_neighbors import SHARD, nearest_shards

MICRO_CLUSTERS = 10_000
"""Clusters of the first stage; the condensed float64 matrix of so many is 0.4 GB."""

REPRESENTATIVES = 4
"""Vectors of each such cluster that stand for it where its mean and size do not say how far it is from another."""

_KINDS = {"average": AVERAGE, "complete": COMPLETE, "ward": WARD}


def sharded_linkage(
    vectors: np.ndarray,
    linkage: str,
    euclidean: bool,
    seed: int,
    *,
    shard: int = SHARD,
    n_micro_clusters: int = MICRO_CLUSTERS,
    distinct: DistinctRows | None = None,
) -> np.ndarray:
    """A linkage exactly within shards of near vectors, up to small clusters, which are then merged with each other,
    wherever they lie.

    For Ward's method, and for average linkage under cosine distance, the second stage is exact, as means and sizes give
    the distances of clusters; for the others, ``REPRESENTATIVES`` of each small cluster are compared.

    Args:
        vectors: float32, shape (n, d), n ≥ 2; of unit length for cosine.
        linkage: ``ward``, ``average`` or ``complete``.
        euclidean: Euclidean, else cosine distance; Ward's method is Euclidean.
        seed: of the shards and of the representatives.
        shard: vectors of a shard, on average.
        n_micro_clusters: clusters of all shards that the second stage merges, about.
        distinct: the different vectors where they are known already; equal ones are one with a weight.

    Returns:
        linkage matrix as of ``scipy.cluster.hierarchy.linkage``, float64, shape (n-1, 4), sorted by height. Heights of
        the first stage are limited to the lowest one of the second.
    """
    distinct = distinct or distinct_rows(vectors)
    vectors, weights = distinct.of(vectors), distinct.weights.astype(np.float64)
    n, kind = len(vectors), _KINDS[linkage]
    shard_of = nearest_shards(vectors, max(1, round(n / shard)), 1, seed, "cpu")[:, 0]
    joined, heights, micro_of = [], [], np.empty(n, dtype=np.int64)
    count = 0
    for number in range(shard_of.max() + 1):
        rows = np.flatnonzero(shard_of == number)
        if not len(rows):
            continue
        kept = min(len(rows), max(1, round(len(rows) * n_micro_clusters / n)))
        merges = _linkage_of_shard(vectors[rows], weights[rows], kind, euclidean)
        inner = merges[: len(rows) - kept]
        joined.append(rows[joined_rows(inner, len(rows))])
        heights.append(inner[:, 2])
        micro_of[rows] = count + cut_linkage(merges, kept)
        count += kept
    first = np.unique(micro_of, return_index=True)[1]
    between, sizes = _between(vectors, weights, micro_of, kind, euclidean, seed)
    merges, merge_heights = _merged(between, sizes, kind)
    return sorted_dendrogram(
        np.concatenate([*joined, first[merges]]),
        np.concatenate([*heights, merge_heights]),
        distinct,
        first_stage=n - count,
    )


def _linkage_of_shard(vectors: np.ndarray, weights: np.ndarray, kind: int, euclidean: bool) -> np.ndarray:
    """The linkage matrix of one shard, whose distances fit the memory."""
    if len(vectors) < 2:
        return np.empty((0, 4))
    distances = condensed_distances(vectors.astype(np.float64), euclidean or kind == WARD)
    if kind == WARD:
        _square_for_ward(distances, weights)
    return sorted_dendrogram(*_merged(distances, weights.copy(), kind))


def _merged(distances: np.ndarray, sizes: np.ndarray, kind: int) -> tuple[np.ndarray, np.ndarray]:
    merges, heights = nearest_neighbor_chain(distances, sizes, kind)
    return merges, np.sqrt(heights) if kind == WARD else heights


def _square_for_ward(distances: np.ndarray, sizes: np.ndarray) -> None:
    """Make Ward's squared distances of the condensed distances of clusters' means."""
    distances **= 2
    for number in range(len(sizes) - 1):
        place = slice(row_start(len(sizes), number) + number + 1, row_start(len(sizes), number) + len(sizes))
        distances[place] *= 2 * sizes[number] * sizes[number + 1 :] / (sizes[number] + sizes[number + 1 :])


def _between(
    vectors: np.ndarray, weights: np.ndarray, micro_of: np.ndarray, kind: int, euclidean: bool, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Condensed distances of the small clusters, squared for Ward, and their sizes, both float64."""
    sizes = np.bincount(micro_of, weights)
    order = np.argsort(micro_of, kind="stable")
    starts = np.searchsorted(micro_of[order], np.arange(len(sizes)))
    if kind == COMPLETE or (kind == AVERAGE and euclidean):
        rows = _representatives(order, starts, seed)
        chosen = np.bincount(micro_of[rows]).astype(np.float64)
        return micro_distances(vectors[rows], micro_of[rows], chosen, euclidean, kind == COMPLETE), sizes
    weighted = vectors[order].astype(np.float64) * weights[order, None]
    means = np.add.reduceat(weighted, starts) / sizes[:, None]
    distances = condensed_distances(means, kind == WARD)  # the mean distance is 1 − u·v of the means
    if kind == WARD:
        _square_for_ward(distances, sizes)
    return distances, sizes


def _representatives(order: np.ndarray, starts: np.ndarray, seed: int) -> np.ndarray:
    """Up to ``REPRESENTATIVES`` rows of each small cluster, drawn at random."""
    rng = np.random.default_rng(seed)
    drawn = [rng.permutation(rows)[:REPRESENTATIVES] for rows in np.split(order, starts[1:])]
    return np.sort(np.concatenate(drawn))
