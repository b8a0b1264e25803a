"""Vectors without clusters, as spread out as given ones: what a clustering has to beat."""

from __future__ import annotations

import numpy as np

MOST_ROWS = 5_000
"""Rows of a cloud, and vectors whose mean and covariance it takes, of more a random sample: enough to tell how clusters
of every size do in it, and cheap beside any sweep."""

_ROWS_AT_ONCE = 500


def structureless_cloud(vectors: np.ndarray, seed: int) -> np.ndarray:
    """A sample of the Gaussian that has the mean and the covariance of the vectors.

    This is the reference distribution of the gap statistic (Tibshirani, Walther and Hastie, J. R. Statist. Soc. B 63,
    2001) in a form that suits many dimensions: the spread in every direction is kept, everything else is lost.
    A row is a random combination of the centred vectors, so that no covariance matrix is needed.

    Args:
        vectors: float32, shape (n, d), rows of unit length; a read-only memory map will do.
        seed: the same number gives the same cloud.

    Returns:
        float32, shape (min(n, ``MOST_ROWS``), d), rows of unit length as the vectors' are.
    """
    random = np.random.default_rng(seed)
    n = len(vectors)
    sample = np.arange(n) if n <= MOST_ROWS else np.sort(random.choice(n, MOST_ROWS, replace=False))
    centred = np.asarray(vectors[sample], dtype=np.float32)
    mean = centred.mean(axis=0, dtype=np.float64).astype(np.float32)
    centred = (centred - mean) / np.float32(np.sqrt(len(sample)))
    cloud = np.empty_like(centred)
    for start in range(0, len(cloud), _ROWS_AT_ONCE):
        rows = cloud[start : start + _ROWS_AT_ONCE]
        weights = random.standard_normal((len(rows), len(sample)), dtype=np.float32)
        np.add(weights @ centred, mean, out=rows)
    lengths = np.linalg.norm(cloud, axis=1, keepdims=True)
    return cloud / np.maximum(lengths, np.finfo(np.float32).tiny)
