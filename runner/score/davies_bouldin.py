"""Davies–Bouldin index."""

from __future__ import annotations

import numpy as np

from runner.score.cluster_geometry import ClusterGeometry, cluster_geometry, row_blocks
from runner.utils.compiled import compiled

BLOCK_COLUMNS = 2048
"""Side of a block of products, about."""

CLOSE = 1e-2
"""Squared distances below this share of the squared norms have lost digits in a product in single precision, and are
computed anew from the differences."""


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
    offsets = geometry.offsets
    squared_norms = np.einsum("ij,ij->i", offsets, offsets)
    rounded = offsets.astype(np.float32)
    worst = np.zeros(n_clusters)
    slices = list(row_blocks(n_clusters, 8 * BLOCK_COLUMNS))
    for number, rows in enumerate(slices):
        for columns in slices[number:]:
            products = rounded[rows] @ rounded[columns].T
            _keep_worst(products, offsets, spreads, squared_norms, rows.start, columns.start, worst)
    return float(worst.mean())


@compiled()
def _keep_worst(products, offsets, spreads, squared_norms, row_start, column_start, worst):  # type: ignore[no-untyped-def]
    """Raise each cluster's worst ratio by the pairs of a block, in either direction."""
    for i in range(products.shape[0]):
        row = row_start + i
        for j in range(products.shape[1]):
            column = column_start + j
            if row == column:
                continue
            squared = squared_norms[row] + squared_norms[column] - 2 * np.float64(products[i, j])
            largest = max(squared_norms[row], squared_norms[column])
            if squared <= CLOSE * largest:
                squared = 0.0
                for axis in range(offsets.shape[1]):
                    squared += (offsets[row, axis] - offsets[column, axis]) ** 2
                # Centres that coincide, exactly or but for rounding, are skipped, as scikit-learn skips them.
                if squared <= 1e-14 * largest:
                    continue
            ratio = (spreads[row] + spreads[column]) / np.sqrt(squared)
            worst[row] = max(worst[row], ratio)
            worst[column] = max(worst[column], ratio)
