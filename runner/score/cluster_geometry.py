"""What the geometric scores share: where each cluster's centre lies, and how far its images are from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numba import njit

from runner.cluster.trial import NOISE
from runner.score.validation import compact_labels, validate_vectors

BLOCK_BYTES = 32 * 2**20
"""Working memory of a block of rows; of the order of a processor's caches times the number of buffers."""


def row_blocks(n_rows: int, row_bytes: int) -> Iterator[slice]:
    """Consecutive slices of 0 … n_rows-1 whose rows take about ``BLOCK_BYTES`` together.

    >>> list(row_blocks(5, BLOCK_BYTES // 2))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    step = max(1, BLOCK_BYTES // max(1, row_bytes))
    for start in range(0, n_rows, step):
        yield slice(start, min(start + step, n_rows))


@dataclass(frozen=True)
class ClusterGeometry:
    """Centres of k clusters of n images in d dimensions; noise belongs to none.

    Attributes:
        labels: int64, shape (n,); cluster of each image, 0 … k-1 without gaps, ``NOISE`` for none.
        sizes: int64, shape (k,); images per cluster, at least 1.
        center: float64, shape (d,); mean of all clustered vectors (zeros if there are none).
        offsets: float64, shape (k, d); mean of each cluster's vectors, minus ``center``: small numbers where an
            embedding crowds its vectors into a narrow cone, which keeps single-precision products with them accurate.
        distances: float64, shape (n,); Euclidean distance of each image to its cluster's mean, 0 for noise.
    """

    labels: np.ndarray
    sizes: np.ndarray
    center: np.ndarray
    offsets: np.ndarray
    distances: np.ndarray

    @property
    def n_clusters(self) -> int:
        return len(self.sizes)

    @property
    def n_clustered(self) -> int:
        return int(self.sizes.sum())


def cluster_geometry(labels: np.ndarray, vectors: np.ndarray) -> ClusterGeometry:
    """Centres of all clusters in two passes over the vectors, O(n·d) time and O(k·d) memory.

    Args:
        labels: int, shape (n,); cluster of each image, ``NOISE`` for none.
        vectors: float, shape (n, d); one row per image; may be a read-only memory map.

    Raises:
        ValueError: if an array's shape or type is not as described.

    >>> geometry = cluster_geometry(np.array([0, 0, 1, -1]), np.array([[1.0, 0], [3, 0], [8, 0], [9, 9]]))
    >>> geometry.center + geometry.offsets
    array([[2., 0.],
           [8., 0.]])
    >>> geometry.distances
    array([1., 1., 0., 0.])
    """
    labels = compact_labels(labels)
    validate_vectors(vectors, len(labels))
    sizes = np.bincount(labels[labels != NOISE])
    sums = _cluster_sums(labels, vectors, len(sizes))
    center = sums.sum(axis=0) / max(1, sizes.sum())
    offsets = sums / sizes[:, None] - center
    return ClusterGeometry(labels, sizes, center, offsets, _distances(labels, vectors, center + offsets))


@njit(cache=True)
def _cluster_sums(labels, vectors, n_clusters):  # type: ignore[no-untyped-def]
    """Sum of each cluster's vectors, float64, shape (k, d)."""
    sums = np.zeros((n_clusters, vectors.shape[1]))
    for row in range(len(labels)):
        if labels[row] != NOISE:
            for column in range(vectors.shape[1]):
                sums[labels[row], column] += vectors[row, column]
    return sums


@njit(cache=True)
def _distances(labels, vectors, means):  # type: ignore[no-untyped-def]
    """Euclidean distance of each clustered row to its cluster's mean, float64, shape (n,)."""
    distances = np.zeros(len(labels))
    for row in range(len(labels)):
        if labels[row] != NOISE:
            squared = 0.0
            for column in range(vectors.shape[1]):
                difference = vectors[row, column] - means[labels[row], column]
                squared += difference * difference
            distances[row] = np.sqrt(squared)
    return distances
