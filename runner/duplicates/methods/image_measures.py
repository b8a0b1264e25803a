"""Near-duplicates by a measure on the images themselves, without an embedding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from runner.cluster.graph.similarity_tree import SimilarityTree
from runner.cluster.graph.single_linkage import minimum_spanning_forest
from runner.duplicates.links import LinkRequest, Links
from runner.images.image_set import SkippedImage
from runner.images.similarity.base import Description, Measure
from runner.images.similarity.compare import compare_images
from runner.images.similarity.describe import describe_files
from runner.images.similarity.registry import MEASURES
from runner.images.source import require_enough

METHOD_NAMES = tuple(name for name in MEASURES if name != "phash")
"""The perceptual hash is the method ``hash``, which keeps its hashes."""


def link_by_measure(name: str) -> Callable[[LinkRequest], Links]:
    """The method that compares images by the measure of that name."""

    def link(request: LinkRequest) -> Links:
        return _link(request, MEASURES[name])

    return link


def _link(request: LinkRequest, measure: Measure) -> Links:
    neighbors = None if request.geometry is None else request.geometry().neighbors.indices
    compared = compare_images(request.images.paths, measure, neighbors, window=request.window)
    usable = [row for row in range(len(request.images)) if row not in compared.unreadable]
    images = request.images.subset(usable)
    skipped = tuple(SkippedImage(request.images.ids[row], reason) for row, reason in compared.unreadable.items())
    require_enough(images, request.images.location or request.config.asked_for, skipped)
    place = np.full(len(request.images), -1)
    place[usable] = np.arange(len(usable))
    tree = minimum_spanning_forest(place[compared.edges], 1 - compared.similarities, len(usable))
    return Links(
        images,
        skipped,
        replace(SimilarityTree.of_distances(tree, len(usable)), strangers=measure.strangers),
        measure.meaning,
        compare=_Comparer(images.paths, measure),
        recall=compared.recall,
    )


class _Comparer:
    """Similarity of one image to others; each is looked at once."""

    def __init__(self, paths: Sequence[Path], measure: Measure) -> None:
        self._paths = paths
        self._measure = measure
        self._described: dict[int, Description | None] = {}

    def __call__(self, row: int, rows: np.ndarray) -> np.ndarray:
        """float64, shape (len(rows),); 0 where a file has become unreadable."""
        wanted = [each for each in dict.fromkeys([row, *rows.tolist()]) if each not in self._described]
        outcomes = describe_files([self._paths[each] for each in wanted], [self._measure]) if wanted else []
        for each, outcome in zip(wanted, outcomes, strict=True):
            self._described[each] = None if isinstance(outcome, str) else outcome[0]
        first = self._described[row]
        others = [self._described[each] for each in rows.tolist()]
        return np.array([self._measure.compare(first, other) if first and other else 0.0 for other in others])
