"""Which images stand for a cluster, and how much it holds together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from runner.cluster.graph.cuts import lowest_inner_similarities
from runner.cluster.trial import NOISE

BLOCK = 8192
"""Rows of the (memory-mapped) vectors that are worked on at a time."""


@dataclass(frozen=True)
class ClusterFacts:
    """A clustering seen from its clusters.

    Attributes:
        labels: int32, shape (n,).
        centrality: float32, shape (n,): an image's mean cosine similarity to its cluster, which for unit
            vectors is the dot product with the cluster's mean; for noise, that with the nearest cluster.
        cohesion: float64, shape (n_clusters,): mean cosine similarity between two images of a cluster;
            NaN for a single image.
        lowest_similarity: float64, shape (n_clusters,): that of the two images of a cluster that are least alike, as
            chains may join what has little in common; NaN for a single image and for very large clusters.
        silhouette: float32, shape (n,): silhouette of each image, NaN for noise; None if undefined.
    """

    labels: np.ndarray
    centrality: np.ndarray
    cohesion: np.ndarray
    lowest_similarity: np.ndarray
    silhouette: np.ndarray | None = None

    @property
    def n_clusters(self) -> int:
        return len(self.cohesion)

    @cached_property
    def sizes(self) -> np.ndarray:
        """Number of images of each cluster, int64, shape (n_clusters,)."""
        return np.bincount(self.labels[self.labels != NOISE], minlength=self.n_clusters)

    @cached_property
    def by_size(self) -> list[int]:
        """Cluster numbers, the largest first."""
        return np.argsort(-self.sizes, kind="stable").tolist()

    @cached_property
    def _sorted_rows(self) -> np.ndarray:
        return np.lexsort((np.arange(len(self.labels)), -self.centrality, self.labels))

    @cached_property
    def _starts(self) -> np.ndarray:
        return np.searchsorted(self.labels[self._sorted_rows], np.arange(NOISE, self.n_clusters + 1))

    def members(self, cluster: int) -> np.ndarray:
        """Rows of a cluster's images (or ``NOISE``), the medoid first, the least central last."""
        return self._sorted_rows[self._starts[cluster + 1] : self._starts[cluster + 2]]

    def medoid(self, cluster: int) -> int:
        """Row of the image with the highest mean similarity to its cluster."""
        return int(self.members(cluster)[0])

    def mean_silhouette(self, cluster: int) -> float | None:
        if self.silhouette is None:
            return None
        return float(np.mean(self.silhouette[self.members(cluster)]))


def cluster_facts(labels: np.ndarray, vectors: np.ndarray) -> ClusterFacts:
    """Centrality, cohesion and silhouettes of a clustering, in O(n·k·d) and bounded memory.

    Args:
        labels: shape (n,); 0 … n_clusters-1, ``NOISE`` for noise.
        vectors: L2-normalised, float32, shape (n, d); a memory map will do.
    """
    labels = labels.astype(np.int32, copy=False)
    n_clusters = int(labels.max(initial=NOISE)) + 1
    sums = cluster_sums(labels, vectors, n_clusters)
    sizes = np.bincount(labels[labels != NOISE], minlength=n_clusters)
    means = (sums / np.maximum(sizes, 1)[:, None]).astype(np.float32)
    centrality = np.zeros(len(labels), dtype=np.float32)
    for start in range(0, len(labels), BLOCK):
        rows = slice(start, start + BLOCK)
        centrality[rows] = _centrality(labels[rows], np.asarray(vectors[rows]), means)
    lowest = np.where(sizes > 1, lowest_inner_similarities(vectors, labels), np.nan)
    return ClusterFacts(labels, centrality, _cohesion(sums, sizes), lowest, _silhouettes(labels, vectors, n_clusters))


def cluster_sums(labels: np.ndarray, vectors: np.ndarray, n_clusters: int) -> np.ndarray:
    """Sum of each cluster's vectors, float64, shape (n_clusters, d); noise is left out."""
    from scipy.sparse import csr_array

    sums = np.zeros((n_clusters, vectors.shape[1]))
    for start in range(0, len(labels), BLOCK):
        rows = np.flatnonzero(labels[start : start + BLOCK] != NOISE)
        block = labels[start : start + BLOCK][rows]
        members = csr_array((np.ones(len(rows)), (block, rows)), shape=(n_clusters, len(labels[start : start + BLOCK])))
        sums += members @ np.asarray(vectors[start : start + BLOCK], dtype=np.float64)
    return sums


def _centrality(labels: np.ndarray, vectors: np.ndarray, means: np.ndarray) -> np.ndarray:
    if not len(means):
        return np.zeros(len(labels), dtype=np.float32)
    own = np.einsum("ij,ij->i", vectors, means[np.maximum(labels, 0)])
    noise = labels == NOISE
    if noise.any():
        own[noise] = (vectors[noise] @ means.T).max(axis=1)
    return own


def _cohesion(sums: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Mean over pairs of different images: |sum|² counts every ordered pair, and each image with itself."""
    pairs = sizes * (sizes - 1.0)
    squared = np.einsum("ij,ij->i", sums, sums)
    return np.divide(squared - sizes, pairs, out=np.full(len(sizes), np.nan), where=pairs > 0)


def _silhouettes(labels: np.ndarray, vectors: np.ndarray, n_clusters: int) -> np.ndarray | None:
    if n_clusters < 2:
        return None
    from runner.score.silhouette import silhouette_samples

    values = np.asarray(silhouette_samples(labels, vectors), dtype=np.float32).copy()
    values[labels == NOISE] = np.nan
    return values
