"""Average linkage of more vectors than can be compared with each other, in two stages."""

from __future__ import annotations

import numpy as np

from runner.cluster.agglomerative.condensed import AVERAGE, condensed_distances, nearest_neighbor_chain
from runner.cluster.agglomerative.dendrogram import cut_linkage, joined_rows, sorted_dendrogram
from runner.cluster.two_stage import SHARD, nearest_shards

MICRO_CLUSTERS = 10_000
"""Clusters of the first stage; the condensed float64 matrix of so many is 0.4 GB."""


def sharded_average_linkage(
    vectors: np.ndarray, seed: int, *, shard: int = SHARD, n_micro_clusters: int = MICRO_CLUSTERS
) -> np.ndarray:
    """Average linkage under cosine distance: exactly within shards of near vectors, up to small clusters, which are
    then merged exactly with each other, wherever they lie.

    Args:
        vectors: float32, shape (n, d), of unit length, n ≥ 2.
        seed: of the shards.
        shard: vectors of a shard, on average.
        n_micro_clusters: clusters of all shards that the second stage merges, about.

    Returns:
        linkage matrix as of ``scipy.cluster.hierarchy.linkage``, float64, shape (n-1, 4), sorted by height. Heights of
        the first stage are limited to the lowest one of the second.
    """
    n = len(vectors)
    shard_of = nearest_shards(vectors, max(1, round(n / shard)), 1, seed, "cpu")[:, 0]
    joined, heights, micro_of = [], [], np.empty(n, dtype=np.int64)
    count = 0
    for number in range(shard_of.max() + 1):
        rows = np.flatnonzero(shard_of == number)
        if not len(rows):
            continue
        kept = min(len(rows), max(1, round(len(rows) * n_micro_clusters / n)))
        merges = _average_linkage(vectors[rows])
        inner = merges[: len(rows) - kept]
        joined.append(rows[joined_rows(inner, len(rows))])
        heights.append(inner[:, 2])
        micro_of[rows] = count + cut_linkage(merges, kept)
        count += kept
    sizes = np.bincount(micro_of).astype(np.float64)
    order = np.argsort(micro_of, kind="stable")
    starts = np.concatenate([[0], np.cumsum(sizes[:-1])]).astype(np.int64)
    means = np.add.reduceat(vectors[order].astype(np.float64), starts) / sizes[:, None]
    between = condensed_distances(means, False)  # the mean distance of two clusters is 1 − u·v of their means
    merges, merge_heights = nearest_neighbor_chain(between, sizes, AVERAGE)
    lowest = merge_heights.min(initial=np.inf)
    return sorted_dendrogram(
        np.concatenate([*joined, order[starts][merges]]),
        np.concatenate([*(np.minimum(each, lowest) for each in heights), merge_heights]),
    )


def _average_linkage(vectors: np.ndarray) -> np.ndarray:
    """The linkage matrix of one shard, whose distances fit the memory."""
    if len(vectors) < 2:
        return np.empty((0, 4))
    distances = condensed_distances(vectors.astype(np.float64), False)
    return sorted_dendrogram(*nearest_neighbor_chain(distances, np.ones(len(vectors)), AVERAGE))
