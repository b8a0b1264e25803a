"""Exact cosine silhouette of all images."""

from __future__ import annotations

import numpy as np

from runner.cluster.trial import NOISE
from runner.score.cluster_geometry import ClusterGeometry, cluster_geometry, row_blocks
from runner.score.validation import validate_vectors

COINCIDENT = 5e-7
"""Distances below this are 0: single precision leaves those between identical rows at up to 2e-7 on either side."""


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
    offsets = np.ascontiguousarray(geometry.offsets.T, dtype=np.float32)
    center_by_offset = (geometry.offsets @ geometry.center).astype(np.float32)
    for block in row_blocks(len(samples), 4 * geometry.n_clusters + 16 * vectors.shape[1]):
        clustered = np.flatnonzero(geometry.labels[block] != NOISE)
        if clustered.size:
            samples[block.start + clustered] = _block_samples(
                vectors[block][clustered].astype(np.float64),
                geometry.labels[block][clustered],
                geometry,
                offsets,
                center_by_offset,
            )
    return samples


def _block_samples(
    rows: np.ndarray,
    own: np.ndarray,
    geometry: ClusterGeometry,
    offsets: np.ndarray,
    center_by_offset: np.ndarray,
) -> np.ndarray:
    """Silhouettes of some clustered rows.

    With c the centre of all and o the offset of a cluster's mean from it, x·mean = x·c + c·o + (x-c)·o. Only the
    last term, the smallest, is a product in single precision.
    """
    distances = (rows - geometry.center).astype(np.float32) @ offsets
    distances += center_by_offset
    np.subtract((1 - rows @ geometry.center).astype(np.float32)[:, None], distances, out=distances)

    index = np.arange(len(rows))
    sizes = geometry.sizes[own]
    to_self = 1 - np.einsum("ij,ij->i", rows, rows)
    within = (sizes * distances[index, own].astype(np.float64) - to_self) / np.maximum(1, sizes - 1)
    distances[index, own] = np.inf
    between = distances.min(axis=1).astype(np.float64)

    within, between = (np.where(distance < COINCIDENT, 0.0, distance) for distance in (within, between))
    larger = np.maximum(within, between)
    samples = np.divide(between - within, larger, out=np.zeros_like(larger), where=larger > 0)
    return np.where(sizes > 1, samples, 0.0)


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
