"""Calinski–Harabasz index."""

from __future__ import annotations

import numpy as np

from runner.score.cluster_geometry import ClusterGeometry, cluster_geometry


def calinski_harabasz(
    labels: np.ndarray, vectors: np.ndarray, *, geometry: ClusterGeometry | None = None
) -> float | None:
    """Variance between clusters over variance within them, per degree of freedom; higher is better.

    From Caliński and Harabasz, A dendrite method for cluster analysis, Communications in Statistics 3 (1974).

    Args:
        labels: int, shape (n,); cluster of each image, noise is left out.
        vectors: float, shape (n, d); one row per image.
        geometry: ``cluster_geometry(labels, vectors)`` where it is at hand.

    Returns:
        At least 0; None with fewer than two clusters, with none of more than one image, or where every cluster is a
        single point and the ratio has no bound.

    Raises:
        ValueError: if an array's shape or type is not as described.

    >>> calinski_harabasz(np.array([0, 0, 1, 1]), np.array([[0.0], [2], [10], [12]]))
    50.0
    """
    geometry = geometry or cluster_geometry(labels, vectors)
    n_clusters, n_clustered = geometry.n_clusters, geometry.n_clustered
    if n_clusters < 2 or n_clusters == n_clustered:
        return None
    between = float(geometry.sizes @ np.einsum("ij,ij->i", geometry.offsets, geometry.offsets))
    within = float(geometry.distances @ geometry.distances)
    if within <= 1e-14 * between:
        return None
    return between / within * (n_clustered - n_clusters) / (n_clusters - 1)
