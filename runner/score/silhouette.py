"""Exact cosine silhouette of all images."""

from __future__ import annotations

import numpy as np

from runner.cluster.trial import NOISE
from runner.score.cluster_geometry import ClusterGeometry, cluster_geometry, row_blocks
from runner.score.silhouette_kernel import NestedClusters, block_samples
from runner.score.validation import validate_vectors


def silhouette_samples(
    labels: np.ndarray, vectors: np.ndarray, *, geometry: ClusterGeometry | None = None
) -> np.ndarray:
    """Silhouette of each image under the cosine distance.

    With unit vectors the mean cosine distance from x to the members of C is 1 - x·mean(C), so that one matrix product
    gives the distances of all images to all clusters: exact in O(n·k·d), with no n×n matrix.

    From Rousseeuw, Silhouettes: a graphical aid to the interpretation and validation of cluster analysis, J. Comput.
    Appl. Math. 20 (1987).

    Args:
        labels: int, shape (n,); cluster of each image, ``NOISE`` for none.
        vectors: float, shape (n, d); rows of unit length (a row of zeros has cosine distance 1 to everything); may be a
            read-only memory map.
        geometry: ``cluster_geometry(labels, vectors)`` where it is at hand.

    Returns:
        float64, shape (n,); (b - a) / max(a, b), where a is the mean distance to the rest of the own cluster and b that
        to the nearest other cluster; 0 for noise, for clusters of one, and everywhere if there is only one cluster.

    Raises:
        ValueError: if an array's shape or type is not as described.

    >>> east, north = [1.0, 0.0], [0.0, 1.0]
    >>> silhouette_samples(np.array([0, 0, 1, 1, -1]), np.array([east, east, north, north, east]))
    array([1., 1., 1., 1., 0.])
    """
    geometry = geometry or cluster_geometry(labels, vectors)
    validate_vectors(vectors, len(geometry.labels))
    samples = np.zeros(len(geometry.labels))
    if geometry.n_clusters < 2:
        return samples
    numbers = np.arange(geometry.n_clusters)
    clusters = NestedClusters.of(geometry, numbers, [numbers])
    clustered = np.flatnonzero(geometry.labels != NOISE)
    for block in row_blocks(len(clustered), 4 * geometry.n_clusters + 4 * vectors.shape[1]):
        rows = clustered[block]
        samples[rows] = block_samples(vectors, rows, geometry.labels[rows][None], clusters)[0]
    return samples


def silhouette(labels: np.ndarray, vectors: np.ndarray, *, geometry: ClusterGeometry | None = None) -> float | None:
    """Mean silhouette of *all* images, in which a noise image counts as 0, so that coverage tells.

    Arguments and errors are as for ``silhouette_samples``.

    Returns:
        -1 … 1; None if there are fewer than two clusters.

    >>> east, north = [1.0, 0.0], [0.0, 1.0]
    >>> silhouette(np.array([0, 0, 1, 1, -1]), np.array([east, east, north, north, east]))
    0.8
    """
    geometry = geometry or cluster_geometry(labels, vectors)
    if geometry.n_clusters < 2:
        return None
    return float(silhouette_samples(labels, vectors, geometry=geometry).mean())
