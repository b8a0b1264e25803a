"""Clusterings and neighbour graphs that score tests use."""

from __future__ import annotations

import numpy as np

from runner.cluster.trial import NOISE
from runner.score.validation import compact_labels


def blobs(n: int, dimension: int, n_clusters: int, *, spread: float = 0.6, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors (float32) in uneven Gaussian clusters, and the cluster of each."""
    generator = np.random.default_rng(seed)
    shares = generator.dirichlet(np.full(n_clusters, 3.0))
    truth = generator.choice(n_clusters, n, p=shares)
    vectors = generator.normal(size=(n_clusters, dimension))[truth] + spread * generator.normal(size=(n, dimension))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), truth


def with_noise(labels: np.ndarray, share: float, seed: int) -> np.ndarray:
    """A copy with that share of the images labelled as noise, drawn at random."""
    labels = labels.copy()
    labels[np.random.default_rng(seed).random(len(labels)) < share] = NOISE
    return labels


def random_labels(n_images: int, n_clusters: int, seed: int) -> np.ndarray:
    """Uniformly random labels without gaps; fewer clusters than asked for if some of them drew no image."""
    return compact_labels(np.random.default_rng(seed).integers(n_clusters, size=n_images))


def neighbor_graph(vectors: np.ndarray, k: int) -> np.ndarray:
    """Exact nearest neighbours by cosine, nearest first, int32, shape (n, k)."""
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -np.inf)
    return np.argsort(-similarity, axis=1, kind="stable")[:, :k].astype(np.int32)
