"""Random labels: what a sweep's null baselines are. Not offered to users, never ranked among trials."""

import numpy as np

from runner.cluster.algorithms.base import Algorithm, Parameter, Params, Scale
from runner.cluster.geometry import Geometry
from runner.cluster.graph.cuts import relabel_by_size
from runner.cluster.trial import Clustering


class RandomLabels(Algorithm):
    """Uniformly random labels."""

    name = "random"
    parameters = (Parameter("n_clusters", int, minimum=1, scale=Scale.CLUSTER_COUNT),)

    def cluster(self, geometry: Geometry, params: Params, seed: int) -> Clustering:
        generator = np.random.default_rng([seed, int(params["n_clusters"])])
        return Clustering(relabel_by_size(generator.integers(int(params["n_clusters"]), size=geometry.n)))
