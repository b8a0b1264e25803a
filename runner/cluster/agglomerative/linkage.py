"""Agglomerative clustering: one dendrogram per linkage, of which every number of clusters is a cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from runner.cluster.agglomerative.dendrogram import sorted_dendrogram
from runner.cluster.agglomerative.distance_matrix import AVERAGE, COMPLETE, condensed_distances, nearest_neighbor_chain
from runner.cluster.agglomerative.micro_clusters import micro_cluster_linkage
from runner.cluster.agglomerative.reducible import reducible_linkage
from runner.cluster.agglomerative.sharded import sharded_linkage
from runner.cluster.distinct_rows import DistinctRows, distinct_rows
from runner.errors import RunnerError, UsageError

if TYPE_CHECKING:
    from runner.cluster.graph.neighbors import Neighbors

LINKAGES = ("ward", "average", "complete")
METRICS = ("euclidean", "cosine")

MATRIX_LIMIT = 20_000
"""Most vectors whose distance matrix is held in memory: 1.6 GB as condensed float64."""

MICRO_CLUSTERS = 10_000
"""Micro-clusters that stand for more vectors than that: 0.4 GB."""

SEED = 0
"""Of the shards."""


@dataclass(frozen=True)
class Linkage:
    """A dendrogram.

    Attributes:
        merges: linkage matrix as of ``scipy.cluster.hierarchy.linkage``, float64, shape (n-1, 4), sorted by height.
        approximate: whether the first merges are those of small clusters found another way.
    """

    merges: np.ndarray
    approximate: bool


def agglomerative_linkage(
    vectors: np.ndarray,
    linkage: str,
    metric: str = "euclidean",
    neighbors: Neighbors | None = None,
    *,
    in_two_stages: bool = False,
    distinct: DistinctRows | None = None,
) -> Linkage:
    """Dendrogram of a linkage, the same as scipy's up to ties. Nothing in it is random.

    Equal vectors are one with a weight and joined before anything else, and ties go to the lowest rows, whatever
    rounding makes of them.

    Ward and average cosine linkage are exact for any number of vectors, in memory for the vectors. The others
    need all distances: they are exact up to ``MATRIX_LIMIT`` vectors, and above that start from micro-clusters.

    Args:
        vectors: float32 or float64, shape (n, d), n ≥ 1; a read-only memory map will do.
        linkage: ``ward``, ``average`` or ``complete``.
        metric: ``euclidean`` or ``cosine``; for Ward, which is Euclidean, the latter scales the vectors to unit length.
        neighbors: exact Euclidean nearest neighbours of the vectors, of their unit vectors for cosine; they spare
            a product of all vectors with all.
        in_two_stages: whether there are too many vectors to compare all with all: every linkage then starts from
            clusters found in shards.
        distinct: the different vectors where they are known already.

    Raises:
        UsageError: if there is no such linkage or metric.
        RunnerError: if a value is not finite, or a vector is zero and the metric cosine.
    """
    if linkage not in LINKAGES:
        raise UsageError(f"linkage must be one of {', '.join(LINKAGES)}, got {linkage!r}")
    if metric not in METRICS:
        raise UsageError(f"metric must be one of {', '.join(METRICS)}, got {metric!r}")
    if in_two_stages:
        vectors = _checked(vectors, metric)
        scaled = vectors.astype(np.float32) if metric == "euclidean" else _unit(vectors, np.float32)
        merges = sharded_linkage(scaled, linkage, metric == "euclidean", SEED, distinct=distinct)
        return Linkage(merges, approximate=True)
    if linkage == "ward":
        scaled = vectors if metric == "euclidean" else _unit(_checked(vectors, metric), np.float64)
        return Linkage(ward_linkage(scaled, neighbors, distinct), approximate=False)
    if linkage == "average" and metric == "cosine":
        return Linkage(average_linkage_cosine(vectors, neighbors, distinct), approximate=False)
    return matrix_linkage(vectors, linkage, metric, neighbors, distinct)


def ward_linkage(
    vectors: np.ndarray, neighbors: Neighbors | None = None, distinct: DistinctRows | None = None
) -> np.ndarray:
    """Ward's linkage matrix, exactly, in O(n·d) memory; see ``agglomerative_linkage``."""
    return reducible_linkage(_checked(vectors, "euclidean"), ward=True, neighbors=neighbors, distinct=distinct)


def average_linkage_cosine(
    vectors: np.ndarray, neighbors: Neighbors | None = None, distinct: DistinctRows | None = None
) -> np.ndarray:
    """Linkage matrix of average linkage under cosine distance, exactly, in O(n·d) memory.

    The mean distance of two clusters of unit vectors is 1 − u·v, where u and v are their means.
    """
    return reducible_linkage(_checked(vectors, "cosine"), ward=False, neighbors=neighbors, distinct=distinct)


def matrix_linkage(
    vectors: np.ndarray,
    linkage: str,
    metric: str,
    neighbors: Neighbors | None = None,
    distinct: DistinctRows | None = None,
    *,
    limit: int = MATRIX_LIMIT,
    n_micro_clusters: int = MICRO_CLUSTERS,
) -> Linkage:
    """Average or complete linkage from the distance matrix, of micro-clusters above ``limit`` different vectors."""
    vectors = _checked(vectors, metric)
    distinct = distinct or distinct_rows(vectors)
    euclidean, complete = metric == "euclidean", linkage == "complete"
    if len(distinct) <= limit:
        different = distinct.of(vectors)
        exact = different.astype(np.float64) if euclidean else _unit(different, np.float64)
        weights = distinct.weights.astype(np.float64)
        kind = COMPLETE if complete else AVERAGE
        merges, heights = nearest_neighbor_chain(condensed_distances(exact, euclidean), weights, kind)
        return Linkage(sorted_dendrogram(merges, heights, distinct), approximate=False)
    single = vectors.astype(np.float32) if euclidean else _unit(vectors, np.float32)
    ward_merges = reducible_linkage(single, ward=True, neighbors=neighbors)
    n_micro_clusters = min(n_micro_clusters, len(distinct))
    return Linkage(micro_cluster_linkage(single, ward_merges, n_micro_clusters, euclidean, complete), approximate=True)


def _checked(vectors: np.ndarray, metric: str) -> np.ndarray:
    vectors = np.asarray(vectors)
    if vectors.ndim != 2 or len(vectors) == 0:
        raise RunnerError(f"agglomerative clustering needs one vector per row, got an array of shape {vectors.shape}")
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.all():
        raise RunnerError(f"vector {int(np.argmin(finite))} has a value that is not finite; embed that image again")
    if metric == "cosine" and not vectors.any(axis=1).all():
        row = int(np.argmin(vectors.any(axis=1)))
        raise RunnerError(f"vector {row} is zero and has no cosine; use metric 'euclidean'")
    return vectors


def _unit(vectors: np.ndarray, dtype: type[np.floating]) -> np.ndarray:
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    return (vectors / lengths).astype(dtype)
