"""HDBSCAN: every setting is a cut of one of the shared trees."""

from collections.abc import Sequence

from runner.cluster.algorithms.base import Algorithm, Parameter, Params, Scale
from runner.cluster.geometry import Geometry
from runner.cluster.graph.cuts import hdbscan_labels
from runner.cluster.trial import Clustering


class Hdbscan(Algorithm):
    """Parameters and partitions of ``hdbscan.HDBSCAN``; epsilon is Euclidean, as there."""

    name = "hdbscan"
    parameters = (
        Parameter("min_cluster_size", int, minimum=2, scale=Scale.CLUSTER_SIZE),
        Parameter("min_samples", int, default=5, minimum=1),
        Parameter("cluster_selection_epsilon", float, default=0.0, minimum=0),
        Parameter("cluster_selection_method", str, default="eom", choices=("eom", "leaf")),
    )

    def neighbors_needed(self, params: Params) -> int:
        return int(params["min_samples"])

    def preparation(self, params: Params) -> str:
        return f"tree min_samples={params['min_samples']}"

    def prepare(self, geometry: Geometry, settings: Sequence[Params], seed: int) -> None:
        geometry.merges(_min_samples(geometry, settings[0]))

    def cluster(self, geometry: Geometry, params: Params, seed: int) -> Clustering:
        labels = hdbscan_labels(
            geometry.merges(_min_samples(geometry, params)),
            int(params["min_cluster_size"]),
            float(params["cluster_selection_epsilon"]),
            "leaf" if params["cluster_selection_method"] == "leaf" else "eom",
        )
        return Clustering(labels)


def _min_samples(geometry: Geometry, params: Params) -> int:
    return min(int(params["min_samples"]), geometry.n - 1)  # as hdbscan does
