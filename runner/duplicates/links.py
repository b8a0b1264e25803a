"""How alike the images of a set are under one method, and what a method is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from runner.cluster.similarity_tree import SimilarityTree
from runner.finished import FinishedExperiment
from runner.images.image_set import ImageSet, SkippedImage


@dataclass(frozen=True)
class LinkRequest:
    """What a method works on.

    Attributes:
        images: with files, at least two.
        cache_dir: where content hashes, embeddings and perceptual hashes are kept.
        folder: where matrices and geometries of this run go.
        model, resolution, fit: the embedding, where there is no finished experiment.
        device, batch_size: of its forward passes.
        finished: the experiment that the images are from, or None.
        embedding: key, or part of one, of the experiment's embedding; None for the best trial's.
        say: told what is going on, line by line.
    """

    images: ImageSet
    cache_dir: Path
    folder: Path
    model: str
    resolution: int | None
    fit: str
    device: str
    batch_size: int
    finished: FinishedExperiment | None
    embedding: str | None
    say: Callable[[str], None]


@dataclass(frozen=True)
class Links:
    """How alike images are.

    Attributes:
        images: those that could be used.
        skipped: the others.
        tree: at which every threshold is a cut.
        measure: what the similarity is, for people.
        vectors: unit vectors, float32, shape (n, d), whose cosine gives the similarity; None where there are none.
        similarity_of_cosine: turns cosines into similarities, element by element.
        compare: where there are no vectors, gives the similarity of one row to others; None where only equality is
            known.
        chosen: key of the embedding, if there is one.
    """

    images: ImageSet
    skipped: tuple[SkippedImage, ...]
    tree: SimilarityTree
    measure: str
    vectors: np.ndarray | None = None
    similarity_of_cosine: Callable[[np.ndarray], np.ndarray] = lambda cosines: cosines
    compare: Callable[[int, np.ndarray], np.ndarray] | None = None
    chosen: str | None = None

    @property
    def only_equal(self) -> bool:
        """Whether images that are linked are the same."""
        return self.vectors is None and self.compare is None

    def similarities(self, row: int, rows: np.ndarray) -> np.ndarray:
        """Similarity of one image to others, float64, shape (len(rows),), at most 1."""
        if self.compare is not None:
            return self.compare(row, rows)
        if self.vectors is None:
            return np.ones(len(rows))
        cosines = self.vectors[rows].astype(np.float64) @ self.vectors[row].astype(np.float64)
        return np.minimum(self.similarity_of_cosine(cosines), 1.0)
