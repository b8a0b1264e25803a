"""Scores of the clusters' sizes alone."""

from __future__ import annotations

import numpy as np

from runner.cluster.trial import NOISE
from runner.score.validation import compact_labels


def cluster_sizes(labels: np.ndarray) -> np.ndarray:
    """Images per cluster, without noise.

    Args:
        labels: int, shape (n,); cluster of each image, ``NOISE`` for none.

    Returns:
        int64, shape (k,); in the order of the clusters' numbers; all at least 1, empty if all is noise.

    Raises:
        ValueError: if ``labels`` is not a non-empty vector of integers.

    >>> cluster_sizes(np.array([0, 0, 2, -1]))
    array([2, 1])
    """
    compact = compact_labels(labels)
    return np.bincount(compact[compact != NOISE])


def noise_share(labels: np.ndarray) -> float:
    """Share of the images that belong to no cluster.

    >>> noise_share(np.array([0, 0, 1, -1]))
    0.25
    """
    return 1 - float(cluster_sizes(labels).sum() / len(labels))


def largest_share(labels: np.ndarray) -> float:
    """Share of all images, noise included, that the largest cluster holds; 0 if there is none.

    >>> largest_share(np.array([0, 0, 1, -1]))
    0.5
    """
    return float(cluster_sizes(labels).max(initial=0) / len(labels))


def balance(labels: np.ndarray) -> float:
    """max(0, 1 - CV/2), where CV is the standard deviation of the cluster sizes over their mean.

    1 for clusters of equal size (a single one too), 0 for very uneven ones or none at all.

    >>> balance(np.array([0, 0, 1, 1])), balance(np.array([0, 0, 0, 1]))
    (1.0, 0.75)
    """
    sizes = cluster_sizes(labels)
    return max(0.0, 1 - float(sizes.std() / sizes.mean()) / 2) if sizes.size else 0.0


def effective_clusters(labels: np.ndarray) -> float:
    """exp of the entropy of the cluster sizes: how many clusters of equal size would be as varied.

    Noise is left out; 0 if there is no cluster. From Hill, Diversity and evenness: a unifying notation and its
    consequences, Ecology 54 (1973).

    >>> round(effective_clusters(np.array([0, 0, 1, 1, -1])), 6)
    2.0
    """
    sizes = cluster_sizes(labels)
    if not sizes.size:
        return 0.0
    shares = sizes / sizes.sum()
    return float(np.exp(-(shares @ np.log(shares))))
