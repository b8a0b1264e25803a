"""Exact cosine silhouettes of all cuts of one dendrogram, from one matrix product."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runner.score.cluster_geometry import cluster_geometry, row_blocks
from runner.score.silhouette_kernel import NestedClusters, block_samples


def nested_silhouettes(partitions: Sequence[np.ndarray], vectors: np.ndarray) -> list[float | None]:
    """Mean silhouette of every one of some nested partitions, as ``runner.score.silhouette.silhouette`` gives it.

    The mean of a cluster is the weighted mean of the means of its parts. So the products of all vectors with the means
    of the finest partition, O(n·k·d), give those of every coarser one by additions, O(n·k) each.

    Args:
        partitions: int, shape (n,) each, finest first; every cluster is a union of clusters of the partition before.
            There is no noise.
        vectors: float, shape (n, d); rows of unit length; may be a read-only memory map.

    Returns:
        In the order of ``partitions``; None where there are fewer than two clusters.

    Raises:
        ValueError: if the partitions are not nested or hold noise.

    >>> east, north = [1.0, 0.0], [0.0, 1.0]
    >>> vectors = np.array([east, east, north, north])
    >>> nested_silhouettes([np.array([0, 1, 2, 2]), np.array([0, 0, 1, 1]), np.array([0, 0, 0, 0])], vectors)
    [0.5, 1.0, None]
    """
    if not partitions:
        return []
    geometry = cluster_geometry(partitions[0], vectors)
    if geometry.n_clustered < len(vectors):
        raise ValueError("nested partitions must not hold noise")
    levels = _levels(partitions, geometry.labels, geometry.sizes)
    clusters = NestedClusters.of(geometry, levels[0].order, [level.starts for level in levels])
    places = np.stack([level.places for level in levels])
    totals = np.zeros(len(levels))
    for block in row_blocks(len(vectors), 4 * geometry.n_clusters + 4 * vectors.shape[1]):
        rows = np.arange(block.start, block.stop)
        totals += block_samples(vectors, rows, np.ascontiguousarray(places[:, block]), clusters).sum(axis=1)
    return [
        float(total / len(vectors)) if len(level.starts) > 1 else None
        for total, level in zip(totals, levels, strict=True)
    ]


class _Level:
    """One partition with its clusters in an order in which those of every coarser one are runs.

    Attributes:
        order: of the finest clusters, int64.
        places: place of each row's cluster in this level's order, int64, shape (n,).
        starts: first place of each cluster's parts in the level before, int64, shape (k,).
    """

    def __init__(self, order: np.ndarray, parents: np.ndarray, finest: np.ndarray, before: _Level | None) -> None:
        self.order = order
        along = parents[order]
        begins = np.flatnonzero(np.concatenate([[True], along[1:] != along[:-1]]))
        runs = np.zeros(len(order), dtype=np.int64)
        runs[begins[1:]] = 1
        place_of_finest = np.empty(len(order), dtype=np.int64)
        place_of_finest[order] = np.cumsum(runs)
        self.places = place_of_finest[finest]
        self.begins = begins
        self.starts = begins if before is None else np.searchsorted(before.begins, begins)


def _levels(partitions: Sequence[np.ndarray], finest: np.ndarray, sizes: np.ndarray) -> list[_Level]:
    representatives = np.empty(len(sizes), dtype=np.int64)
    representatives[finest] = np.arange(len(finest))
    parents = [np.asarray(partition)[representatives] for partition in partitions]
    for before, parent, partition in zip([parents[0], *parents], parents, partitions, strict=False):
        united = len(np.unique(np.stack([before, parent]), axis=1).T) > len(np.unique(before))
        if united or np.any(parent[finest] != partition):
            raise ValueError("every cluster must be a union of clusters of the partition before")
    order = np.lexsort([np.arange(len(sizes)), *parents])
    levels: list[_Level] = []
    for parent in parents:
        levels.append(_Level(order, parent, finest, levels[-1] if levels else None))
    return levels
