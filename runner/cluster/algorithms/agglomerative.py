"""Agglomerative clustering: one dendrogram per linkage, cut at every number of clusters."""

from collections.abc import Sequence

import numpy as np

from runner.cluster.algorithms.base import Algorithm, Parameter, Params, Scale
from runner.cluster.cuts import relabel_by_size
from runner.cluster.geometry import Geometry
from runner.cluster.trial import Clustering


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
        _merges(geometry, str(settings[0]["linkage"]))

    def cluster(self, geometry: Geometry, params: Params, seed: int) -> Clustering:
        from runner.cluster.agglomerative import cut_linkage

        merges, approximate = _merges(geometry, str(params["linkage"]))
        labels = cut_linkage(merges, int(params["n_clusters"]))
        return Clustering(relabel_by_size(labels), {"approximate": approximate})


def _merges(geometry: Geometry, linkage: str) -> tuple[np.ndarray, bool]:
    """The dendrogram in scipy's format, and whether it is approximate."""
    from runner.cluster.agglomerative import agglomerative_linkage

    def compute() -> np.ndarray:
        result = agglomerative_linkage(
            geometry.vectors,
            linkage,
            geometry.metric,
            geometry.neighbors,
            in_two_stages=geometry.recall is not None,
        )
        flag = np.full((1, result.merges.shape[1]), float(result.approximate))
        return np.concatenate([result.merges, flag])

    stored = geometry.prepared(f"agglomerative-{linkage}", compute)
    return stored[:-1], bool(stored[-1, 0])
