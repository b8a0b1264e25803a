"""Cosine threshold: images joined by a chain of pairs that are at least so similar."""

from collections.abc import Sequence

import numpy as np

from runner.cluster.algorithms.base import Algorithm, Parameter, Params, Scale
from runner.cluster.geometry import Geometry
from runner.cluster.graph.cuts import lowest_inner_similarities, threshold_labels
from runner.cluster.trial import Clustering
from runner.errors import UsageError


class Threshold(Algorithm):
    """Single linkage at a cosine similarity; images without a mate are noise."""

    name = "threshold"
    parameters = (Parameter("similarity", float, minimum=-1, maximum=1, scale=Scale.SIMILARITY),)

    def check_space(self, space: str) -> None:
        if space != "none":
            raise UsageError(f"threshold needs cosine similarities, which space {space!r} does not keep; use none")

    def preparation(self, params: Params) -> str:
        return "tree min_samples=1"

    def prepare(self, geometry: Geometry, settings: Sequence[Params], seed: int) -> None:
        geometry.tree(1)

    def cluster(self, geometry: Geometry, params: Params, seed: int) -> Clustering:
        labels = threshold_labels(geometry.tree(1), geometry.euclidean(1 - float(params["similarity"])))
        lowest = lowest_inner_similarities(geometry.vectors, labels)
        measured = lowest[~np.isnan(lowest)]
        details: dict[str, int | float] = {"unmeasured_groups": len(lowest) - len(measured)}
        if len(measured):
            details["lowest_inner_similarity"] = float(measured.min())
        return Clustering(labels, details)
