"""Gaussian mixture, started from our k-means centres of the same space."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import numpy as np

from runner.cluster.algorithms.base import Algorithm, Parameter, Params, Scale
from runner.cluster.algorithms.kmeans import kmeans_from_seeding, shared_seeding
from runner.cluster.geometry import Geometry
from runner.cluster.graph.cuts import relabel_by_size
from runner.cluster.trial import Clustering
from runner.errors import UsageError

if TYPE_CHECKING:
    from runner.cluster.mixture.em import CovarianceType


START_TOLERANCE = 1e-2
"""The k-means that mixtures start from need not have come to rest: EM moves on from it anyway."""


class GaussianMixture(Algorithm):
    """As ``sklearn.mixture.GaussianMixture``; a full embedding has too many dimensions for covariances."""

    name = "gmm"
    uses_graph = False
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
        shared_seeding(geometry, max(int(params["n_components"]) for params in settings), seed, "k-means++")
        for n_components in {int(params["n_components"]) for params in settings}:
            _start(geometry, n_components, seed)

    def cluster(self, geometry: Geometry, params: Params, seed: int) -> Clustering:
        from runner.cluster.mixture.em import gaussian_mixture

        start = _start(geometry, int(params["n_components"]), seed)
        covariance_type = cast("CovarianceType", params["covariance_type"])
        result = gaussian_mixture(geometry.vectors, start, covariance_type=covariance_type, distinct=geometry.distinct)
        return Clustering(relabel_by_size(result.labels), result.details)


def _start(geometry: Geometry, n_components: int, seed: int) -> np.ndarray:
    """The k-means labels, int32, shape (n,), from which mixtures of every covariance type start; computed once."""
    return geometry.prepared(
        f"mixture-start-{n_components}-{seed}",
        lambda: kmeans_from_seeding(geometry, n_components, seed, tol=START_TOLERANCE).labels,
    )
