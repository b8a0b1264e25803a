"""From products of vectors with the means of clusters to silhouettes, of one partition or of several nested ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from runner.score.cluster_geometry import ClusterGeometry
from runner.utils.compiled import compiled

COINCIDENT = 5e-7
"""Distances below this are 0: single precision leaves those between identical rows at up to 2e-7 on either side."""

LANES = 64
"""Vectors that are worked on at once: a few vector registers, and few enough for a cache to hold their products."""

NOWHERE = np.float32(-1e30)
"""Below every product."""


@dataclass(frozen=True)
class NestedClusters:
    """Some partitions, finest first, with clusters in an order in which the parts of every cluster are neighbours.

    Attributes:
        center: float32, shape (d,): a point near all vectors, from which the clusters' means are measured.
        offsets: float32, shape (k, d): mean of each cluster of the finest partition, less ``center``.
        bounds: int64, shape (levels + 1,): where each partition's clusters begin in the arrays below.
        sizes: float64: images of each cluster.
        starts: int64: each cluster's first part among the clusters of the partition before.
        by_center: float64: product of each cluster's offset with ``center``.
    """

    center: np.ndarray
    offsets: np.ndarray
    bounds: np.ndarray
    sizes: np.ndarray
    starts: np.ndarray
    by_center: np.ndarray

    @classmethod
    def of(cls, geometry: ClusterGeometry, order: np.ndarray, starts: Sequence[np.ndarray]) -> NestedClusters:
        """The partitions that come of a finest one by uniting neighbouring clusters.

        Args:
            geometry: of the finest partition.
            order: int64, shape (k,): its clusters in the order that is wanted.
            starts: int64, for each partition: the first part of each of its clusters in the partition before.
        """
        center = geometry.center.astype(np.float32)
        offsets = geometry.offsets[order] + (geometry.center - center)
        sizes, weighted = [geometry.sizes[order].astype(np.float64)], [geometry.sizes[order] * (offsets @ center)]
        for begins in starts[1:]:
            sizes.append(np.add.reduceat(sizes[-1], begins))
            weighted.append(np.add.reduceat(weighted[-1], begins))
        every = np.concatenate(sizes)
        return cls(
            center,
            offsets.astype(np.float32),
            np.cumsum([0, *map(len, sizes)]),
            every,
            np.concatenate(starts).astype(np.int64),
            np.concatenate(weighted) / every,
        )


def block_samples(vectors: np.ndarray, rows: np.ndarray, own: np.ndarray, clusters: NestedClusters) -> np.ndarray:
    """Silhouettes of some vectors under the cosine distance.

    With c the centre and o the offset of a cluster's mean from it, x·mean = x·c + c·o + (x-c)·o. Only the last term,
    the smallest, is a product in single precision.

    Args:
        vectors: float, shape (n, d), rows of unit length.
        rows: int64, shape (r,): which of them.
        own: int64, shape (levels, r): the cluster of each, numbered within its partition.
        clusters: of all partitions.

    Returns:
        float64, shape (levels, r).
    """
    centered, to_center, to_self = _centered(vectors, rows, clusters.center)
    return _samples(
        clusters.offsets @ centered.T,
        own,
        clusters.bounds,
        clusters.sizes,
        clusters.starts,
        clusters.by_center,
        clusters.by_center.astype(np.float32),
        (1 / clusters.sizes).astype(np.float32),
        to_center,
        to_self,
    )


@compiled(fastmath={"reassoc", "contract"})
def _centered(vectors, rows, center):  # type: ignore[no-untyped-def]
    """Some vectors less ``center``, float32, and their cosine distances to it and to themselves, float64."""
    n, dimension = len(rows), vectors.shape[1]
    centered = np.empty((n, dimension), dtype=np.float32)
    to_center, to_self = np.empty(n), np.empty(n)
    for i in range(n):
        vector, target = vectors[rows[i]], centered[i]
        for axis in range(dimension):
            target[axis] = vector[axis] - center[axis]
        by_center, by_self = 0.0, 0.0
        for axis in range(dimension):  # apart from the loop above, so that both work on several numbers at once
            value = np.float64(vector[axis])
            by_center += value * np.float64(center[axis])
            by_self += value * value
        to_center[i], to_self[i] = 1 - by_center, 1 - by_self
    return centered, to_center, to_self


@compiled()
def _samples(  # type: ignore[no-untyped-def]
    products, own, bounds, sizes, starts, by_center, by_center32, shares, to_center, to_self
):
    n_levels, n_rows = own.shape
    samples = np.zeros((n_levels, n_rows))
    weighted = np.zeros((bounds[1], LANES), dtype=np.float32)
    saved, highest = np.empty(LANES, dtype=np.float32), np.empty(LANES, dtype=np.float32)
    for start in range(0, n_rows, LANES):
        lanes = min(LANES, n_rows - start)
        for cluster in range(bounds[1]):
            size = np.float32(sizes[cluster])
            for lane in range(lanes):
                weighted[cluster, lane] = products[cluster, start + lane] * size
        for level in range(n_levels):
            begin, count = bounds[level], bounds[level + 1] - bounds[level]
            if level:
                before = bounds[level] - bounds[level - 1]
                _unite(weighted, starts[begin : begin + count], before)
            for lane in range(lanes):
                saved[lane] = weighted[own[level, start + lane], lane]
                weighted[own[level, start + lane], lane] = NOWHERE
            ends = slice(begin, begin + count)
            _highest(weighted[:count], shares[ends], by_center32[ends], highest)
            for lane in range(lanes):
                row = start + lane
                cluster = own[level, row]
                weighted[cluster, lane] = saved[lane]
                size = sizes[begin + cluster]
                if size == 1 or count == 1:
                    continue
                between = to_center[row] - highest[lane]
                to_own = to_center[row] - by_center[begin + cluster] - saved[lane] / size
                within = (size * to_own - to_self[row]) / (size - 1)
                within = 0.0 if within < COINCIDENT else within
                between = 0.0 if between < COINCIDENT else between
                larger = max(within, between)
                if larger > 0:
                    samples[level, row] = (between - within) / larger
    return samples


@compiled()
def _unite(weighted, starts, before):  # type: ignore[no-untyped-def]
    """Add up the parts of each cluster, in place: a cluster's own line is never behind those of its parts."""
    for cluster in range(len(starts)):
        first = starts[cluster]
        end = starts[cluster + 1] if cluster + 1 < len(starts) else before
        if first != cluster:
            for lane in range(LANES):
                weighted[cluster, lane] = weighted[first, lane]
        for part in range(first + 1, end):
            for lane in range(LANES):
                weighted[cluster, lane] += weighted[part, lane]


@compiled(fastmath={"nnan", "ninf", "nsz", "contract"})
def _highest(weighted, shares, centers, highest):  # type: ignore[no-untyped-def]
    """The highest product of each lane with a cluster's mean."""
    for lane in range(LANES):
        highest[lane] = NOWHERE
    for cluster in range(len(weighted)):
        share, center = shares[cluster], centers[cluster]
        for lane in range(LANES):
            highest[lane] = max(highest[lane], center + weighted[cluster, lane] * share)
