"""DBSCAN: the shared tree cut at eps, border points added."""

from collections.abc import Sequence

from runner.cluster.algorithms.base import Algorithm, Parameter, Params, Scale
from runner.cluster.geometry import Geometry
from runner.cluster.graph.cuts import dbscan_labels
from runner.cluster.trial import Clustering


class Dbscan(Algorithm):
    """Core and noise points of ``sklearn.cluster.DBSCAN``; eps is a cosine distance in space ``none``."""

    name = "dbscan"
    parameters = (
        Parameter("eps", float, minimum=0, scale=Scale.DISTANCE),
        Parameter("min_samples", int, default=5, minimum=1, scale=Scale.CLUSTER_SIZE),
    )

    def neighbors_needed(self, params: Params) -> int:
        return int(params["min_samples"]) - 1  # scikit-learn counts the row itself

    def preparation(self, params: Params) -> str:
        return f"tree min_samples={_tree_min_samples(params)}"

    def prepare(self, geometry: Geometry, settings: Sequence[Params], seed: int) -> None:
        geometry.tree(_tree_min_samples(settings[0]))

    def cluster(self, geometry: Geometry, params: Params, seed: int) -> Clustering:
        eps = geometry.euclidean(float(params["eps"]))
        tree = geometry.tree(_tree_min_samples(params))
        return Clustering(dbscan_labels(tree, geometry.neighbors, eps, int(params["min_samples"])))


def _tree_min_samples(params: Params) -> int:
    return max(int(params["min_samples"]) - 1, 1)
