"""A flat map of an embedding: UMAP, or what suits fewer images."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

NeighborLists = tuple[np.ndarray, np.ndarray]
"""Indices (int32) and Euclidean distances of each image's nearest other images, both of shape (n, k)."""

MAX_POINTS = 10_000
"""Images on a map; of more, a sample is shown."""

UMAP_FROM = 1000
"""Below this many images t-SNE draws the map: it keeps more of the neighbours there (0.55 against 0.50 of the ten
nearest on 791 drawings) and needs no pause in which UMAP is compiled; above, UMAP is much faster."""

EPOCHS = 200
"""UMAP's own number for large sets, which is enough for a look from a start in the principal components."""

TSNE_FROM = 5
N_NEIGHBORS = 15


@dataclass(frozen=True)
class EmbeddingMap:
    """Images of one embedding on a plane.

    Attributes:
        embedding: the embedding key.
        rows: int64, shape (m,): which images are on it.
        coordinates: float32, shape (m, 2).
        method: how it was made, for the title: ``UMAP``, ``t-SNE`` or ``PCA``.
        n_images: images of the experiment, of which ``m`` are on the map.
    """

    embedding: str
    rows: np.ndarray
    coordinates: np.ndarray
    method: str
    n_images: int

    @property
    def is_sample(self) -> bool:
        return len(self.rows) < self.n_images


def project(
    embedding_key: str,
    vectors: np.ndarray,
    seed: int,
    neighbors: NeighborLists | None = None,
    keep: Sequence[int] = (),
    max_points: int = MAX_POINTS,
) -> EmbeddingMap:
    """Lay an embedding out on a plane; the same seed gives the same map.

    UMAP (McInnes, Healy, Melville 2018) from ``UMAP_FROM`` images on, t-SNE (van der Maaten 2014) below,
    principal components for fewer than five images or dimensions too few for either.

    Args:
        embedding_key: names the map.
        vectors: L2-normalised, float32, shape (n, d); a memory map will do.
        seed: of the sample and the layout.
        neighbors: the neighbour lists of all n images, if known; they save the search.
        keep: rows that a sample must hold.
        max_points: images on the map.
    """
    rows = _sample(len(vectors), max_points, seed, keep)
    shown = np.asarray(vectors[rows], dtype=np.float32)
    usable = neighbors if len(rows) == len(vectors) else None
    method = map_method(shown)
    coordinates = _layout(shown, method, seed, usable).astype(np.float32)
    return EmbeddingMap(embedding_key, rows, coordinates, method, len(vectors))


def _sample(n: int, at_most: int, seed: int, keep: Sequence[int]) -> np.ndarray:
    if n <= at_most:
        return np.arange(n)
    kept = np.unique(np.asarray(keep, dtype=np.int64))[:at_most]
    others = np.setdiff1d(np.arange(n), kept)
    drawn = np.random.default_rng(seed).choice(others, at_most - len(kept), replace=False)
    return np.sort(np.concatenate([kept, drawn]))


def map_method(vectors: np.ndarray) -> str:
    """What suits these vectors, which are to be on a map: ``UMAP``, ``t-SNE`` or ``PCA``."""
    n, dimension = vectors.shape
    if n < TSNE_FROM or dimension < 3 or np.ptp(vectors, axis=0).max(initial=0) == 0:
        return "PCA"
    return "t-SNE" if n < UMAP_FROM else "UMAP"


def _layout(vectors: np.ndarray, method: str, seed: int, neighbors: NeighborLists | None) -> np.ndarray:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # with several threads, sums would depend on their order
        if method == "PCA":
            return _principal_components(vectors)
        return _tsne(vectors, seed) if method == "t-SNE" else _umap(vectors, seed, neighbors)


def _principal_components(vectors: np.ndarray) -> np.ndarray:
    """The first two principal components; zeros where there are fewer."""
    centered = vectors - vectors.mean(axis=0)
    left, scale, _ = np.linalg.svd(centered, full_matrices=False)
    coordinates = np.zeros((len(vectors), 2), dtype=np.float32)
    kept = min(2, len(scale))
    coordinates[:, :kept] = left[:, :kept] * scale[:kept]
    return coordinates


def _tsne(vectors: np.ndarray, seed: int) -> np.ndarray:
    from sklearn.manifold import TSNE

    perplexity = min(30.0, (len(vectors) - 1) / 3)
    return TSNE(2, perplexity=perplexity, init="pca", random_state=seed).fit_transform(vectors)


def _umap(vectors: np.ndarray, seed: int, neighbors: NeighborLists | None) -> np.ndarray:
    """UMAP on exact neighbours of our own, which also spares the user the compilation of its neighbour search."""
    from umap import UMAP

    n_neighbors = min(N_NEIGHBORS, len(vectors) - 1)
    if neighbors is None or neighbors[0].shape[1] < n_neighbors - 1:
        from runner.cluster.graph.neighbors import nearest_neighbors

        found = nearest_neighbors(vectors, n_neighbors - 1)
        neighbors = found.indices, found.distances
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="umap")  # it warns that such a map cannot take new points
        return UMAP(
            n_neighbors=n_neighbors,
            min_dist=0.1,
            n_epochs=EPOCHS,
            init="pca",
            metric="euclidean",
            random_state=seed,
            n_jobs=1,
            precomputed_knn=_with_self(*neighbors, n_neighbors),
            force_approximation_algorithm=True,  # else it drops our neighbours below 4096 images
        ).fit_transform(vectors)


def _with_self(indices: np.ndarray, distances: np.ndarray, n_neighbors: int) -> NeighborLists:
    """The first ``n_neighbors`` of each image as UMAP wants them: itself first."""
    n, others = len(indices), n_neighbors - 1
    return (
        np.hstack([np.arange(n, dtype=np.int32)[:, None], indices[:, :others].astype(np.int32)]),
        np.hstack([np.zeros((n, 1), dtype=np.float32), distances[:, :others].astype(np.float32)]),
    )
