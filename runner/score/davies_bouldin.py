"""Davies–Bouldin index."""

from __future__ import annotations

import numpy as np

from runner.score.cluster_geometry import ClusterGeometry, cluster_geometry, row_blocks


def davies_bouldin(labels: np.ndarray, vectors: np.ndarray, *, geometry: ClusterGeometry | None = None) -> float | None:
    """Mean over clusters of the worst ratio (spread + other's spread) / distance of centres; lower is better.

    Parameters
    ----------
    labels : ndarray of int, shape (n,)
        Cluster of each image; noise is left out.
    vectors : ndarray of float, shape (n, d)
        One row per image.
    geometry : ClusterGeometry, optional
        ``cluster_geometry(labels, vectors)`` where it is at hand.

    Returns
    -------
    float or None
        At least 0; None with fewer than two clusters, or with none of more than one image.

    Raises
    ------
    ValueError
        If an array's shape or type is not as described.

    References
    ----------
    Davies and Bouldin, A cluster separation measure, IEEE PAMI 1 (1979).

    Examples
    --------
    >>> davies_bouldin(np.array([0, 0, 1, 1]), np.array([[0.0], [2], [10], [12]]))
    0.2
    """
    geometry = geometry or cluster_geometry(labels, vectors)
    n_clusters = geometry.n_clusters
    if n_clusters < 2 or n_clusters == geometry.n_clustered:
        return None
    clustered = geometry.labels >= 0
    spreads = np.bincount(geometry.labels[clustered], geometry.distances[clustered]) / geometry.sizes
    squared_norms = np.einsum("ij,ij->i", geometry.offsets, geometry.offsets)
    worst = np.zeros(n_clusters)
    for block in row_blocks(n_clusters, 24 * n_clusters):
        squared = -2 * (geometry.offsets[block] @ geometry.offsets.T)
        squared += squared_norms[block, None]
        squared += squared_norms
        # Centres that coincide, exactly or but for rounding, are skipped, as scikit-learn skips them.
        apart = squared > 1e-14 * np.maximum(squared_norms[block, None], squared_norms)
        index = np.arange(block.stop - block.start)
        apart[index, block.start + index] = False
        ratios = np.zeros_like(squared)
        np.divide(spreads[block, None] + spreads, np.sqrt(squared, where=apart, out=squared), where=apart, out=ratios)
        worst[block] = ratios.max(axis=1)
    return float(worst.mean())
