"""Agglomerative clustering: one dendrogram per linkage, cut at every number of clusters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from runner.cluster.algorithms.base import Algorithm, Parameter, Params, Scale
from runner.cluster.geometry import Geometry
from runner.cluster.graph.cuts import relabel_by_size
from runner.cluster.trial import Clustering

if TYPE_CHECKING:
    from runner.cluster.agglomerative import Linkage


class Agglomerative(Algorithm):
    """``sklearn.cluster.AgglomerativeClustering``; average and complete linkage use the space's metric."""

    name = "agglomerative"
    is_nested = True
    slow_to_prepare = True
    parameters = (
        Parameter("n_clusters", int, minimum=1, scale=Scale.CLUSTER_COUNT),
        Parameter("linkage", str, default="average", choices=("ward", "average", "complete")),
    )

    def preparation(self, params: Params) -> str:
        return f"agglomerative {params['linkage']}"

    def prepare(self, geometry: Geometry, settings: Sequence[Params], seed: int) -> None:
        shared_dendrogram(geometry, str(settings[0]["linkage"]))

    def cluster(self, geometry: Geometry, params: Params, seed: int) -> Clustering:
        from runner.cluster.agglomerative import cut_linkage

        tree = shared_dendrogram(geometry, str(params["linkage"]))
        n_clusters = min(int(params["n_clusters"]), len(geometry.distinct))  # equal rows are never parted
        labels = cut_linkage(tree.merges, n_clusters)
        return Clustering(relabel_by_size(labels), {"approximate": tree.approximate})


def shared_dendrogram(geometry: Geometry, linkage: str) -> Linkage:
    """The dendrogram of a linkage, found once and kept with the geometry."""
    from runner.cluster.agglomerative import Linkage, agglomerative_linkage

    def compute() -> np.ndarray:
        result = agglomerative_linkage(
            geometry.vectors,
            linkage,
            geometry.metric,
            geometry.neighbors if geometry.has_graph else None,
            in_two_stages=geometry.recall is not None,
            distinct=geometry.distinct,
        )
        flag = np.full((1, result.merges.shape[1]), float(result.approximate))
        return np.concatenate([result.merges, flag])

    stored = geometry.prepared(f"agglomerative-{linkage}", compute)
    return Linkage(stored[:-1], bool(stored[-1, 0]))
