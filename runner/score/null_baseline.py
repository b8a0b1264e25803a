"""What chance achieves: the same sizes at random, and how many clusters a sweep's null baselines have."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from runner.score.neighbor_information import information
from runner.score.validation import compact_labels, validate_neighbors

N_PERMUTATIONS = 8
"""Random relabellings per trial: enough for a mean and a spread, cheap enough for every trial."""


@dataclass(frozen=True)
class NullDistribution:
    """Neighbour information of random labels, in nats.

    Attributes:
        mean: of the permutations.
        spread: their standard deviation.
        highest: their maximum.
    """

    mean: float
    spread: float
    highest: float

    def is_beaten_by(self, value: float) -> bool:
        """Whether ``value`` exceeds all permutations, and their mean by more than three times their spread."""
        return value > max(self.highest, self.mean + 3 * self.spread)


def null_distribution(
    labels: np.ndarray, neighbor_indices: np.ndarray, *, seed: int, n_permutations: int = N_PERMUTATIONS
) -> NullDistribution:
    """Neighbour information of random labels with the same cluster sizes and the same noise share.

    Args:
        labels: int, shape (n,); cluster of each image, ``NOISE`` for none.
        neighbor_indices: int, shape (n, k); nearest neighbours of each image, itself excluded.
        seed: of the permutations; the same labels and seed give the same result.
        n_permutations: at least 2.

    Raises:
        ValueError: if an array's shape or type is not as described.

    >>> ring = np.stack([np.roll(np.arange(60), shift) for shift in (-1, 1)], axis=1)
    >>> null = null_distribution(np.repeat([0, 1, 2], 20), ring, seed=0)
    >>> null.is_beaten_by(1.0), null.is_beaten_by(null.mean)
    (True, False)
    """
    labels = compact_labels(labels)
    validate_neighbors(neighbor_indices, len(labels))
    orders = _permutations(len(labels), n_permutations, seed)
    values = np.array([information(labels[order], neighbor_indices) for order in orders])
    return NullDistribution(float(values.mean()), float(values.std(ddof=1)), float(values.max()))


@lru_cache(maxsize=1)
def _permutations(n_images: int, n_permutations: int, seed: int) -> np.ndarray:
    """Rows in random orders, shape (n_permutations, n_images): the same for all clusterings of a sweep."""
    random = np.random.default_rng(seed)
    narrow = np.min_scalar_type(n_images)  # as they stay in memory
    return np.stack([random.permutation(n_images).astype(narrow) for _ in range(n_permutations)])


def null_cluster_counts(n_images: int) -> tuple[int, ...]:
    """Numbers of clusters that a sweep's null baselines have: about 5, √n and n/5, as far as they differ.

    >>> null_cluster_counts(1000), null_cluster_counts(4)
    ((5, 32, 200), (2,))
    """
    wanted = (5, round(n_images**0.5), n_images // 5)
    return tuple(sorted({min(max(2, count), max(1, n_images // 2)) for count in wanted}))
