"""Vectors that tests cluster."""

import numpy as np


def clustered_vectors(n: int, dimension: int, *, n_clusters: int = 12, spread: float = 0.5, seed: int) -> np.ndarray:
    """Gaussian clusters of uneven sizes: float32, shape (n, dimension)."""
    generator = np.random.default_rng(seed)
    shares = generator.dirichlet(np.full(n_clusters, 2.0))
    centers = generator.normal(size=(n_clusters, dimension))
    members = generator.choice(n_clusters, n, p=shares)
    return (centers[members] + spread * generator.normal(size=(n, dimension))).astype(np.float32)


def unit(vectors: np.ndarray) -> np.ndarray:
    """The rows at length 1, float32."""
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    return (vectors / lengths).astype(np.float32)
