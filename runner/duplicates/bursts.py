"""Bursts: only images that were taken shortly after each other may be linked."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from runner.cluster.graph.similarity_tree import SimilarityTree
from runner.cluster.graph.single_linkage import minimum_spanning_forest
from runner.images.similarity.featureless import comparable
from runner.images.similarity.time_window import TimeWindow


def tree_within(
    window: TimeWindow, similarities: Callable[[np.ndarray], np.ndarray], featureless: Mapping[int, bytes]
) -> SimilarityTree:
    """The tree of all pairs in the window, which are so few in most sets that each is compared.

    Args:
        window: of n images.
        similarities: of pairs of rows, int32, shape (m, 2): float64, shape (m,), at most 1.
        featureless: rows that can't be compared, with the digest of their pixels; the same pixels alone are linked.
    """
    n = len(window.times)
    edges, distances = np.empty((0, 2), dtype=np.int32), np.empty(0)
    for pairs in window.pairs():
        compared, equal = comparable(pairs, featureless)
        edges = np.concatenate([edges, pairs[equal], pairs[compared]])
        distances = np.concatenate([distances, np.zeros(equal.sum()), 1 - similarities(pairs[compared])])
        forest = minimum_spanning_forest(edges, distances, n)
        edges, distances = forest.edges, forest.weights
    return SimilarityTree(edges, 1 - distances, n)


def cosines(vectors: np.ndarray, pairs: np.ndarray, at_a_time: int = 1 << 14) -> np.ndarray:
    """Cosine of each pair of rows of unit vectors: float64, shape (m,), at most 1."""
    parts = [pairs[start : start + at_a_time] for start in range(0, len(pairs), at_a_time)]
    found = [
        np.einsum("ij,ij->i", vectors[part[:, 0]], vectors[part[:, 1]], dtype=np.float64, casting="unsafe")
        for part in parts
    ]
    return np.minimum(np.concatenate([np.empty(0), *found]), 1.0)
