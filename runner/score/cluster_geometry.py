"""What the geometric scores share: where each cluster's centre lies, and how far its images are from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from runner.cluster.trial import NOISE
from runner.score.validation import compact_labels, validate_vectors
from runner.utils.compiled import compiled

BLOCK_BYTES = 16 * 2**20
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
    """Centres of all clusters, O(n·d) time and O(k·d) memory.

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
    means, distances = _means_and_distances(labels, vectors, sizes)
    center = sizes @ means / max(1, sizes.sum())
    return ClusterGeometry(labels, sizes, center, means - center, distances)


@compiled(fastmath={"reassoc", "contract"})
def _means_and_distances(labels, vectors, sizes):  # type: ignore[no-untyped-def]
    """Mean of each cluster's vectors, float64, shape (k, d), and each row's Euclidean distance to it, shape (n,).

    Cluster by cluster, so that the sum, and often the cluster's vectors, are still in the cache when next needed.
    """
    dimension = vectors.shape[1]
    means, distances = np.zeros((len(sizes), dimension)), np.zeros(len(labels))
    ends = np.cumsum(sizes)
    members, places = np.empty(ends[-1] if len(ends) else 0, dtype=np.int64), ends - sizes
    for row in range(len(labels)):
        if labels[row] != NOISE:
            members[places[labels[row]]] = row
            places[labels[row]] += 1
    for cluster in range(len(sizes)):
        rows, mean = members[ends[cluster] - sizes[cluster] : ends[cluster]], means[cluster]
        for row in rows:
            vector = vectors[row]
            for column in range(dimension):
                mean[column] += vector[column]
        for column in range(dimension):
            mean[column] /= sizes[cluster]
        for row in rows:
            vector = vectors[row]
            squared = 0.0
            for column in range(dimension):
                difference = vector[column] - mean[column]
                squared += difference * difference
            distances[row] = np.sqrt(squared)
    return means, distances
