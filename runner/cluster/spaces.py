"""Spaces to cluster in: the embedding itself, its principal components, or a UMAP layout of it."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from runner.cluster.distinct_rows import distinct_rows
from runner.cluster.graph.neighbors import Neighbors
from runner.errors import UsageError
from runner.utils.text_files import shown

UMAP_NEIGHBORS = 15
"""UMAP's own default ``n_neighbors``, the row itself included."""


class SpaceKind(StrEnum):
    NONE = "none"
    PCA = "pca"
    UMAP = "umap"


@dataclass(frozen=True)
class Space:
    """A parsed space name: ``none``, ``pca:64``, ``umap:10``."""

    kind: SpaceKind
    dimension: int | None = None

    @classmethod
    def parse(cls, name: str) -> Space:
        """Raises UsageError for anything but ``none``, ``pca:N`` and ``umap:N``."""
        kind, _, dimension = name.partition(":")
        if name == SpaceKind.NONE:
            return cls(SpaceKind.NONE)
        if kind in (SpaceKind.PCA, SpaceKind.UMAP) and re.fullmatch(r"0*[1-9]\d{0,5}", dimension, re.ASCII):
            return cls(SpaceKind(kind), int(dimension))
        raise UsageError(f"unknown space {shown(name)!r}: use none, pca:N or umap:N, for example pca:64")

    @property
    def metric(self) -> str:
        """``cosine`` in the embedding itself, whose vectors have unit length, ``euclidean`` elsewhere."""
        return "cosine" if self.kind is SpaceKind.NONE else "euclidean"


def project(space: Space, unit_vectors: np.ndarray, neighbors: Neighbors | None, seed: int) -> np.ndarray:
    """The vectors of a space.

    Args:
        space: not ``none``.
        unit_vectors: float32, shape (n, d).
        neighbors: exact neighbour graph of ``unit_vectors``; UMAP starts from it.
        seed: of whatever the projection draws.

    Returns:
        float32, shape (n, min(dimension, d, n)).
    """
    assert space.dimension is not None
    if space.kind is SpaceKind.PCA:
        return _principal_components(unit_vectors, space.dimension, seed)
    assert neighbors is not None
    return _umap(unit_vectors, neighbors, space.dimension, seed)


def _principal_components(vectors: np.ndarray, dimension: int, seed: int) -> np.ndarray:
    from sklearn.decomposition import PCA
    from threadpoolctl import threadpool_limits

    model = PCA(n_components=min(dimension, *vectors.shape), random_state=seed)
    with threadpool_limits(1):  # beside torch's threads, those of scipy's LAPACK only wait for each other
        projected = model.fit_transform(np.asarray(vectors))
    projected = np.ascontiguousarray(projected, dtype=np.float32)
    distinct = distinct_rows(vectors)
    return distinct.spread(distinct.of(projected))  # equal rows of a product may differ in the last bit


def _umap(vectors: np.ndarray, neighbors: Neighbors, dimension: int, seed: int) -> np.ndarray:
    import umap

    n = len(vectors)
    count = min(UMAP_NEIGHBORS - 1, neighbors.k)
    own = np.arange(n, dtype=np.int32)[:, None]
    indices = np.hstack([own, neighbors.indices[:, :count]])
    distances = np.hstack([np.zeros((n, 1)), neighbors.distances[:, :count]]).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a seed rules out threads, and that the given graph is not a search index
        model = umap.UMAP(
            n_neighbors=count + 1,
            n_components=dimension,
            min_dist=0.0,  # clusters as tight as they are, as UMAP's documentation advises before clustering
            init="pca" if n > dimension + 1 else "random",
            random_state=seed,
            n_jobs=1,
            precomputed_knn=(indices, distances, None),
        )
        return np.asarray(model.fit_transform(np.asarray(vectors)), dtype=np.float32)
