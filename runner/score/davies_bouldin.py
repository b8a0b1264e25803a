"""Davies–Bouldin index."""

from __future__ import annotations

import numpy as np
from numba import njit

from runner.score.cluster_geometry import ClusterGeometry, cluster_geometry, row_blocks

BLOCK_COLUMNS = 2048
"""Side of a block of products, about."""


def davies_bouldin(labels: np.ndarray, vectors: np.ndarray, *, geometry: ClusterGeometry | None = None) -> float | None:
    """Mean over clusters of the worst ratio (spread + other's spread) / distance of centres; lower is better.

    From Davies and Bouldin, A cluster separation measure, IEEE PAMI 1 (1979).

    Args:
        labels: int, shape (n,); cluster of each image, noise is left out.
        vectors: float, shape (n, d); one row per image.
        geometry: ``cluster_geometry(labels, vectors)`` where it is at hand.

    Returns:
        At least 0; None with fewer than two clusters, or with none of more than one image.

    Raises:
        ValueError: if an array's shape or type is not as described.

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
    slices = list(row_blocks(n_clusters, 8 * BLOCK_COLUMNS))
    for number, rows in enumerate(slices):
        for columns in slices[number:]:
            products = geometry.offsets[rows] @ geometry.offsets[columns].T
            _keep_worst(products, spreads, squared_norms, rows.start, columns.start, worst)
    return float(worst.mean())


@njit(cache=True)
def _keep_worst(products, spreads, squared_norms, row_start, column_start, worst):  # type: ignore[no-untyped-def]
    """Raise each cluster's worst ratio by the pairs of a block, in either direction."""
    for i in range(products.shape[0]):
        row = row_start + i
        for j in range(products.shape[1]):
            column = column_start + j
            squared = squared_norms[row] + squared_norms[column] - 2 * products[i, j]
            # Centres that coincide, exactly or but for rounding, are skipped, as scikit-learn skips them.
            if row == column or squared <= 1e-14 * max(squared_norms[row], squared_norms[column]):
                continue
            ratio = (spreads[row] + spreads[column]) / np.sqrt(squared)
            worst[row] = max(worst[row], ratio)
            worst[column] = max(worst[column], ratio)
