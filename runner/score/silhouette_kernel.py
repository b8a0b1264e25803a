"""From products of vectors with the means of clusters to silhouettes, of one partition or of several nested ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit

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
        bounds: int64, shape (levels + 1,): where each partition's clusters begin in the other arrays.
        sizes: float64: images of each cluster.
        starts: int64: each cluster's first part among the clusters of the partition before.
        by_center: float64: product of each cluster's offset with the centre of all.
    """

    bounds: np.ndarray
    sizes: np.ndarray
    starts: np.ndarray
    by_center: np.ndarray

    @classmethod
    def join(
        cls, sizes: Sequence[np.ndarray], starts: Sequence[np.ndarray], by_center: Sequence[np.ndarray]
    ) -> NestedClusters:
        """From one array per partition of each."""
        bounds = np.cumsum([0, *map(len, sizes)])
        return cls(
            bounds,
            np.concatenate(sizes).astype(np.float64),
            np.concatenate(starts).astype(np.int64),
            np.concatenate(by_center),
        )


def block_samples(
    rows: np.ndarray, own: np.ndarray, clusters: NestedClusters, center: np.ndarray, offsets: np.ndarray
) -> np.ndarray:
    """Silhouettes of some vectors under the cosine distance.

    With c the centre of all and o the offset of a cluster's mean from it, x·mean = x·c + c·o + (x-c)·o. Only the last
    term, the smallest, is a product in single precision.

    Args:
        rows: float, shape (r, d), of unit length.
        own: int64, shape (levels, r): the cluster of each, numbered within its partition.
        clusters: of all partitions.
        center: float64, shape (d,): mean of all clustered vectors.
        offsets: float32, shape (k, d): mean of each cluster of the finest partition, less ``center``.

    Returns:
        float64, shape (levels, r).
    """
    rows = rows.astype(np.float64)
    products = offsets @ (rows - center).astype(np.float32).T
    to_self = 1 - np.einsum("ij,ij->i", rows, rows)
    return _samples(
        products,
        own,
        clusters.bounds,
        clusters.sizes,
        clusters.starts,
        clusters.by_center,
        clusters.by_center.astype(np.float32),
        (1 / clusters.sizes).astype(np.float32),
        1 - rows @ center,
        to_self,
    )


@njit(cache=True)
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


@njit(cache=True)
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


@njit(cache=True, fastmath={"nnan", "ninf", "nsz", "contract"})
def _highest(weighted, shares, centers, highest):  # type: ignore[no-untyped-def]
    """The highest product of each lane with a cluster's mean."""
    for lane in range(LANES):
        highest[lane] = NOWHERE
    for cluster in range(len(weighted)):
        share, center = shares[cluster], centers[cluster]
        for lane in range(LANES):
            highest[lane] = max(highest[lane], center + weighted[cluster, lane] * share)
