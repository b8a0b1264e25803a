"""Groups of images that are alike by a measure without a network of weights: single linkage at a similarity.

They look at the image files and not at vectors, so that an experiment runs them once and not for each embedding.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from runner.cluster.algorithms.base import Algorithm, Parameter, Params, Scale
from runner.cluster.geometry import Geometry
from runner.cluster.graph.similarity_tree import SimilarityTree
from runner.cluster.graph.single_linkage import minimum_spanning_forest
from runner.cluster.trial import Clustering, ParameterValue
from runner.errors import UsageError
from runner.images.similarity.base import Measure
from runner.images.similarity.compare import compare_images
from runner.images.similarity.registry import MEASURES

ALL_THRESHOLDS = -1.0
"""Stands for the similarities at these shares of the tree's edges, the most similar ones first."""

_SHARES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.85)


class ImageSimilarity(Algorithm):
    """Images joined by a chain of pairs that are at least so similar; those without a mate are noise."""

    uses_graph = False
    uses_images = True
    parameters = (
        Parameter("similarity", float, default=ALL_THRESHOLDS, minimum=-1, maximum=1, scale=Scale.SIMILARITY),
    )

    def __init__(self, measure: Measure) -> None:
        self.name = measure.name
        self._measure = measure

    def check_space(self, space: str) -> None:
        if space != "none":
            raise UsageError(f"{self.name} compares images and not vectors; use it in none, not in {space!r}")

    def preparation(self, params: Params) -> str:
        return f"similarities by {self.name}"

    def prepare(self, geometry: Geometry, settings: Sequence[Params], seed: int) -> None:
        if all(geometry.is_prepared(self._name(what)) for what in ("facts", "sample", "tree")):
            return
        compared = compare_images(geometry.image_paths, self._measure, geometry.neighbors.indices, seed)
        tree = minimum_spanning_forest(compared.edges, 1 - compared.similarities, geometry.n)
        facts = [len(compared.edges), len(compared.unreadable)]
        sample = np.stack([compared.sampled, compared.found], axis=1)
        geometry.prepared(self._name("facts"), lambda: np.array(facts))
        geometry.prepared(self._name("sample"), lambda: sample)
        geometry.prepared(self._name("tree"), lambda: np.column_stack([tree.edges, 1 - tree.weights]))

    def expand(self, geometry: Geometry, params: Params) -> Iterable[Params]:
        if params["similarity"] != ALL_THRESHOLDS:
            return (params,)
        similarities = self._load(geometry, "tree")[:, 2]
        if not len(similarities):
            return ({**params, "similarity": 1.0},)
        edges = -np.quantile(-similarities, _SHARES, method="nearest")
        thresholds = np.floor(edges * 1e6) / 1e6  # not above the edge it stands for
        return ({**params, "similarity": float(value)} for value in np.unique(thresholds)[::-1])

    def cluster(self, geometry: Geometry, params: Params, seed: int) -> Clustering:
        table = self._load(geometry, "tree")
        tree = SimilarityTree(table[:, :2].astype(np.int32), table[:, 2], geometry.n)
        threshold = float(params["similarity"])
        return Clustering(tree.groups(threshold), self._details(geometry, threshold))

    def _details(self, geometry: Geometry, threshold: float) -> dict[str, ParameterValue]:
        """How many pairs were compared, and of the alike ones of a sample, which share was among them."""
        n_pairs, unreadable = self._load(geometry, "facts").tolist()
        sampled, found = self._load(geometry, "sample").T
        details: dict[str, ParameterValue] = {"pairs_kept": n_pairs, "unreadable_images": unreadable}
        alike = sampled >= threshold
        if len(sampled):
            details |= {"approximate": True, "sampled_alike_pairs": int(alike.sum())}
        if alike.any():
            details["candidate_recall"] = float(found[alike].mean())
        return details

    def _load(self, geometry: Geometry, what: str) -> np.ndarray:
        return geometry.load_prepared(self._name(what))

    def _name(self, what: str) -> str:
        return f"images-{self.name}-{what}"


IMAGE_SIMILARITIES = tuple(map(ImageSimilarity, MEASURES.values()))
