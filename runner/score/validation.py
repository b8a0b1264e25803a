"""Checks that every score makes of its input, once."""

from __future__ import annotations

import numpy as np

from runner.cluster.trial import NOISE
from runner.utils.compiled import compiled


def compact_labels(labels: np.ndarray) -> np.ndarray:
    """Check labels and number their clusters without gaps.

    Args:
        labels: int, shape (n,); cluster of each image, ``NOISE`` for none.

    Returns:
        int64, shape (n,); the same partition with clusters 0 … k-1 in the order of their numbers; noise stays
        ``NOISE``.

    Raises:
        ValueError: if ``labels`` is empty, not one-dimensional, not integer, or below ``NOISE``.

    >>> compact_labels(np.array([7, -1, 3, 7]))
    array([ 1, -1,  0,  1])
    """
    labels = np.asarray(labels)
    if labels.ndim != 1 or labels.size == 0:
        raise ValueError(f"labels must be a non-empty vector, not an array of shape {labels.shape}")
    if not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"labels must be integers, not {labels.dtype}")
    if labels.min() < NOISE:
        raise ValueError(f"labels must be at least {NOISE}, which means noise; found {labels.min()}")
    if labels.max() < 2 * labels.size:
        return _numbered(labels, int(labels.max()))
    compact = np.full(labels.size, NOISE, dtype=np.int64)
    clustered = labels != NOISE
    compact[clustered] = np.unique(labels[clustered], return_inverse=True)[1]
    return compact


@compiled()
def _numbered(labels, highest):  # type: ignore[no-untyped-def]
    """Labels without gaps, int64, without the sorting that arbitrary numbers need."""
    number_of = np.full(highest + 1, NOISE, dtype=np.int64)
    for label in labels:
        if label != NOISE:
            number_of[label] = 0
    n_clusters = 0
    for label in range(highest + 1):
        if number_of[label] == 0:
            number_of[label] = n_clusters
            n_clusters += 1
    compact = np.empty(len(labels), dtype=np.int64)
    for row in range(len(labels)):
        compact[row] = NOISE if labels[row] == NOISE else number_of[labels[row]]
    return compact


def validate_vectors(vectors: np.ndarray, n_images: int) -> None:
    """Raise ValueError unless ``vectors`` is a matrix of floats with a row per image."""
    if vectors.ndim != 2 or len(vectors) != n_images:
        raise ValueError(f"vectors must have shape ({n_images}, dimension), not {vectors.shape}")
    if not np.issubdtype(vectors.dtype, np.floating):
        raise ValueError(f"vectors must be floats, not {vectors.dtype}")


def validate_neighbors(neighbor_indices: np.ndarray, n_images: int) -> None:
    """Raise ValueError unless ``neighbor_indices`` names at least one other image for every image."""
    if neighbor_indices.ndim != 2 or len(neighbor_indices) != n_images or neighbor_indices.shape[1] == 0:
        raise ValueError(f"neighbor_indices must have shape ({n_images}, k), not {neighbor_indices.shape}")
    if not np.issubdtype(neighbor_indices.dtype, np.integer):
        raise ValueError(f"neighbor_indices must be integers, not {neighbor_indices.dtype}")
    lowest, highest, lists_itself = _extent(np.asarray(neighbor_indices))
    if lowest < 0 or highest >= n_images:
        raise ValueError(f"neighbor_indices must lie in 0 … {n_images - 1}")
    if lists_itself:
        raise ValueError("neighbor_indices must not list an image as its own neighbor")


@compiled()
def _extent(neighbor_indices):  # type: ignore[no-untyped-def]
    """Lowest and highest index, and whether a row lists itself."""
    lowest = highest = neighbor_indices[0, 0]
    lists_itself = False
    for row in range(len(neighbor_indices)):
        for neighbor in neighbor_indices[row]:
            lowest, highest = min(lowest, neighbor), max(highest, neighbor)
            lists_itself |= neighbor == row
    return lowest, highest, lists_itself


def validate_pairs(pairs: np.ndarray, n_images: int) -> None:
    """Raise ValueError unless ``pairs`` is an integer array of shape (m, 2) of image rows."""
    if pairs.ndim != 2 or pairs.shape[1] != 2:
        raise ValueError(f"pairs must have shape (m, 2), not {pairs.shape}")
    if not np.issubdtype(pairs.dtype, np.integer):
        raise ValueError(f"pairs must be integers, not {pairs.dtype}")
    if pairs.size and (pairs.min() < 0 or pairs.max() >= n_images):
        raise ValueError(f"pairs must name rows in 0 … {n_images - 1}")
