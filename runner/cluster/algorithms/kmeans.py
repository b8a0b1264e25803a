"""k-means: one seeding at the largest k, whose prefixes seed every smaller one, or one dendrogram of which each k is a
cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from runner.cluster.algorithms.agglomerative import shared_dendrogram
from runner.cluster.algorithms.base import Algorithm, Parameter, Params, Scale
from runner.cluster.geometry import Geometry
from runner.cluster.graph.cuts import relabel_by_size
from runner.cluster.trial import Clustering

if TYPE_CHECKING:
    from runner.cluster.kmeans.lloyd import KMeansResult
    from runner.cluster.kmeans.seeding import Seeding


WARD = "ward"
"""Value of ``init``: start from the means of Ward's clusters, whose dendrogram all k share. The inertia is 0.2 to 2.6 %
lower than from k-means++, and half the time does (``tests/benchmarks/kmeans.py``)."""


class Kmeans(Algorithm):
    """Lloyd's algorithm as in ``sklearn.cluster.KMeans``; on unit vectors close to spherical k-means."""

    name = "kmeans"
    uses_graph = False
    parameters = (
        Parameter("n_clusters", int, minimum=1, scale=Scale.CLUSTER_COUNT),
        Parameter("init", str, default="k-means++", choices=("k-means++", "random", WARD)),
    )

    def preparation(self, params: Params) -> str:
        return f"kmeans {params['init']}"

    def prepare(self, geometry: Geometry, settings: Sequence[Params], seed: int) -> None:
        init = str(settings[0]["init"])
        if init == WARD:
            shared_dendrogram(geometry, WARD)
        else:
            shared_seeding(geometry, max(int(params["n_clusters"]) for params in settings), seed, init)

    def cluster(self, geometry: Geometry, params: Params, seed: int) -> Clustering:
        n_clusters, init = int(params["n_clusters"]), str(params["init"])
        if init == WARD:
            result = _kmeans_from_ward(geometry, n_clusters)
        else:
            result = kmeans_from_seeding(geometry, n_clusters, seed, init)
        return Clustering(relabel_by_size(result.labels), result.details)


def _kmeans_from_ward(geometry: Geometry, n_clusters: int) -> KMeansResult:
    """Lloyd's algorithm from Ward's clusters."""
    from runner.cluster.agglomerative import cut_linkage
    from runner.cluster.kmeans.lloyd import kmeans

    n_clusters = min(n_clusters, len(geometry.distinct))  # equal rows are never parted
    labels = cut_linkage(shared_dendrogram(geometry, WARD).merges, n_clusters)
    any_centers = np.asarray(geometry.vectors[:n_clusters])  # not used, as all points have their cluster
    return kmeans(geometry.vectors, any_centers, labels_init=labels, distinct=geometry.distinct)


def kmeans_from_seeding(
    geometry: Geometry, n_clusters: int, seed: int, init: str = "k-means++", tol: float = 1e-4
) -> KMeansResult:
    """Lloyd's algorithm from the first ``n_clusters`` seeds that all k share, until it rests to within ``tol``."""
    from runner.cluster.kmeans.lloyd import kmeans

    seeding = shared_seeding(geometry, n_clusters, seed, init)
    centers = np.asarray(geometry.vectors[seeding.indices[:n_clusters]])
    known = seeding.labels(n_clusters) if len(seeding.changes[0]) else None
    return kmeans(geometry.vectors, centers, labels_init=known, tol=tol, distinct=geometry.distinct)


def shared_seeding(geometry: Geometry, n_clusters: int, seed: int, init: str) -> Seeding:
    """The seeding of at least ``n_clusters`` seeds, or as many as there are distinct rows; computed once."""
    from runner.cluster.kmeans.seeding import Seeding
    from runner.cluster.kmeans.seeding import seed as choose_seeds

    def compute() -> np.ndarray:
        if init == "random":
            drawn = geometry.distinct.tickets[np.random.default_rng(seed).permutation(geometry.n)]
            return geometry.distinct.firsts[drawn[np.sort(np.unique(drawn, return_index=True)[1])]]
        seeding = choose_seeds(geometry.vectors, n_clusters, seed, distinct=geometry.distinct)
        distinct = len(seeding.indices)
        header = np.array([n_clusters, distinct], dtype=np.int64)
        return np.concatenate([header, seeding.indices, seeding.changes.ravel()])

    name = f"kmeans-{init.strip('+')}-{seed}"
    if init == "random":
        return Seeding(np.asarray(geometry.prepared(name, compute)), np.empty((2, 0), dtype=np.int32))
    stored = geometry.prepared(name, compute)
    if stored[0] < n_clusters:
        geometry.discard(name)
        stored = geometry.prepared(name, compute)
    distinct = int(stored[1])
    changes = stored[2 + distinct :].reshape(2, -1).astype(np.int32)
    return Seeding(np.asarray(stored[2 : 2 + distinct]), changes)
