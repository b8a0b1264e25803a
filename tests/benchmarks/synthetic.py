"""Synthetic embeddings that resemble a CLIP model's: unit vectors in a narrow cone, uneven fuzzy clusters."""

from __future__ import annotations

import numpy as np


def synthetic_unit_vectors(
    n: int, d: int, n_clusters: int, mean_cosine: float, seed: int, *, between_share: float = 0.5
) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors in clusters of very different sizes and widths, around one common direction.

    A vector is the sum of the common direction (squared length ``mean_cosine``), its cluster's offset and its own
    deviation, normalised. Offsets and deviations are Gaussian with a variance that falls off along (different)
    random axes, as the spectrum of real embeddings does; sizes are log-normal (the largest some 20 times the median).

    Args:
        n: number of vectors.
        d: dimension.
        n_clusters: number of clusters; some may come out empty if it is close to ``n``.
        mean_cosine: mean cosine of two random vectors, in [0, 1); image models give about 0.5.
        seed: seed of everything random.
        between_share: share of the variance that lies between clusters, in [0, 1].

    Returns:
        vectors: float32, shape (n, d), unit length.
        labels: int32, shape (n,), in [0, n_clusters).
    """
    rng = np.random.default_rng(seed)
    weights = rng.lognormal(0.0, 1.0, n_clusters)
    labels = rng.choice(n_clusters, size=n, p=weights / weights.sum()).astype(np.int32)

    def decaying_gaussian(rows: int, exponent: float) -> np.ndarray:
        axes = np.linalg.qr(rng.standard_normal((d, d)))[0].astype(np.float32)
        spread = np.arange(1, d + 1, dtype=np.float32) ** (-exponent / 2)
        spread /= np.sqrt(np.square(spread).sum())
        return (rng.standard_normal((rows, d), dtype=np.float32) * spread) @ axes

    width = rng.uniform(0.6, 1.3, n_clusters).astype(np.float32)
    between = np.sqrt((1 - mean_cosine) * between_share)
    within = np.sqrt((1 - mean_cosine) * (1 - between_share))
    direction = rng.standard_normal(d).astype(np.float32)
    vectors = decaying_gaussian(n, 0.7)
    vectors *= (within * width)[labels, None]
    offsets = decaying_gaussian(n_clusters, 0.5)
    offsets -= (weights / weights.sum()).astype(np.float32) @ offsets
    vectors += (between * offsets)[labels]
    vectors += np.sqrt(mean_cosine) * direction / np.linalg.norm(direction)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors, labels
