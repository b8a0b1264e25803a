"""What a clustering seems to say about neighbours where there are no clusters, so that only the rest counts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from runner.score.neighbor_information import cluster_shares, divergence, neighborhood
from runner.score.validation import compact_labels, validate_neighbors

SIZES = 40
"""Cluster sizes at which the shares are known, evenly spaced in their logarithm; linear in between."""

BANDWIDTH = 0.25
"""Clusters whose sizes differ by about this factor's logarithm are averaged."""


@dataclass(frozen=True)
class StructurelessShares:
    """How well clusters of each size hold their images' neighbours together in a cloud without clusters.

    Attributes:
        sizes: float64, shape (g,); images of a cluster, ascending from 1.
        shares: float64, shape (g, s); share of the neighbours that are in the cluster, corrected for chance and so 0
            for a single image, by neighbourhood, never falling with the size.
    """

    sizes: np.ndarray
    shares: np.ndarray

    def information(self, labels: np.ndarray) -> float:
        """The neighbour information that clusters of the labels' sizes would have in the cloud, in nats, at least 0.

        Args:
            labels: int, shape (n,); cluster of each image, ``NOISE`` for none; n need not be the number of images of
                the cloud.
        """
        compact = compact_labels(labels)
        sizes = np.bincount(compact[compact >= 0])
        chance = ((sizes - 1) / max(1, len(compact) - 1))[:, None]
        known = np.log(self.sizes)
        corrected = np.column_stack([np.interp(np.log(sizes), known, column) for column in self.shares.T])
        by_scale = sizes @ divergence(chance + (1 - chance) * corrected, chance) / len(compact)
        return float(by_scale.mean())


def structureless_shares(partitions: Iterable[np.ndarray], neighbor_indices: np.ndarray) -> StructurelessShares:
    """The shares of the clusters of a cloud, averaged by size.

    Args:
        partitions: int, shape (m,) each; clusterings of the cloud, from coarse to fine, so that there are clusters of
            all sizes.
        neighbor_indices: int, shape (m, k); nearest neighbours in the cloud, nearest first, itself excluded.

    Raises:
        ValueError: if an array's shape or type is not as described.
    """
    neighbors = neighborhood(neighbor_indices)
    validate_neighbors(neighbors, len(neighbors))
    found = [cluster_shares(compact_labels(labels), neighbors) for labels in partitions]
    sizes = np.concatenate([each.sizes for each in found])
    corrected = np.concatenate([(each.within - each.chance) / (1 - each.chance) for each in found])
    at = np.unique(np.round(np.geomspace(2, max(2, sizes.max()), SIZES)))
    apart = np.square((np.log(sizes) - np.log(at)[:, None]) / BANDWIDTH) / 2
    weights = sizes * np.exp(apart.min(axis=1, keepdims=True) - apart)
    averages = weights @ corrected / weights.sum(axis=1, keepdims=True)
    rising = np.maximum.accumulate(np.clip(averages, 0, 1), axis=0)
    return StructurelessShares(np.append(1.0, at), np.vstack([np.zeros(rising.shape[1]), rising]))
