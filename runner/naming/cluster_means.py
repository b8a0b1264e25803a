"""Mean vectors of clusters, as the model gave them or as directions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runner.cluster.trial import NOISE
from runner.embed.cache.embedding_cache import EmbeddingCache
from runner.errors import RunnerError
from runner.score.cluster_statistics import cluster_sums


def mean_directions(labels: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """The mean of each cluster's vectors, scaled to length one.

    Args:
        labels: int, shape (n,); 0 … k-1, ``NOISE`` for noise.
        vectors: L2-normalised, shape (n, dimension); a memory map will do.

    Returns:
        float64, shape (k, dimension).
    """
    sums = cluster_sums(labels, vectors, _n_clusters(labels))
    return sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)


def mean_features(labels: np.ndarray, cache: EmbeddingCache, key: str, hashes: Sequence[str]) -> np.ndarray:
    """The mean of each cluster's vectors at the length the model gave them, which a classifier on top of it needs.

    Args:
        labels: int, shape (n,).
        cache: where the vectors are.
        key: of the embedding.
        hashes: content hash of each image.

    Returns:
        float64, shape (k, dimension).

    Raises:
        RunnerError: the cache no longer has them.
    """
    rows: dict[str, list[int]] = {}
    for row, value in enumerate(hashes):
        rows.setdefault(value, []).append(row)
    sums: np.ndarray | None = None
    counts = np.zeros(_n_clusters(labels))
    for found, vectors in cache.read(key, rows):
        if sums is None:
            sums = np.zeros((len(counts), vectors.shape[1]))
        for value, vector in zip(found, vectors.astype(np.float64), strict=True):
            for label in labels[rows[value]]:
                if label != NOISE:
                    sums[label] += vector
                    counts[label] += 1
    if sums is None or not counts.all():
        raise RunnerError(
            f"the cache {cache.cache_dir} no longer has the vectors of {key}; run the experiment again, which fills it"
        )
    return sums / counts[:, None]


def _n_clusters(labels: np.ndarray) -> int:
    return int(labels.max(initial=NOISE)) + 1
