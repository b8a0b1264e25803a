"""Gaussian mixture, started from our k-means centres of the same space."""

from collections.abc import Sequence

import numpy as np

from runner.cluster.algorithms.base import Algorithm, Parameter, Params, Scale
from runner.cluster.algorithms.kmeans import kmeans_seeds
from runner.cluster.cuts import compact_labels
from runner.cluster.geometry import Geometry
from runner.cluster.trial import Clustering
from runner.errors import UsageError


class GaussianMixture(Algorithm):
    """``sklearn.mixture.GaussianMixture``; a full embedding has too many dimensions for covariances."""

    name = "gmm"
    parameters = (
        Parameter("n_components", int, minimum=1, scale=Scale.CLUSTER_COUNT),
        Parameter("covariance_type", str, default="diag", choices=("full", "tied", "diag", "spherical")),
    )

    def check_space(self, space: str) -> None:
        if space == "none":
            raise UsageError("gmm needs a space of few dimensions; use pca:N or umap:N, for example pca:32")

    def preparation(self, params: Params) -> str:
        return "kmeans k-means++"

    def prepare(self, geometry: Geometry, settings: Sequence[Params], seed: int) -> None:
        kmeans_seeds(geometry, max(int(params["n_components"]) for params in settings), seed)

    def cluster(self, geometry: Geometry, params: Params, seed: int) -> Clustering:
        from runner.cluster.gaussian_mixture import gaussian_mixture
        from runner.cluster.kmeans import kmeans

        seeds = kmeans_seeds(geometry, int(params["n_components"]), seed)
        start = kmeans(geometry.vectors, np.asarray(geometry.vectors[seeds]))
        result = gaussian_mixture(
            geometry.vectors, len(start.centers), str(params["covariance_type"]), start, random_state=seed
        )
        return Clustering(compact_labels(result.labels), result.details)
