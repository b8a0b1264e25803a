"""How alike the images of a set are under one method, and what a method is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from runner.cluster.geometry import Geometry
from runner.cluster.graph.similarity_tree import SimilarityTree
from runner.duplicates.config import DuplicatesConfig
from runner.images.image_set import ImageSet, SkippedImage
from runner.images.similarity.time_window import TimeWindow
from runner.results.paths import WORK


@dataclass(frozen=True)
class EmbeddedImages:
    """Images with their vectors.

    Attributes:
        images: those that could be embedded.
        skipped: the others.
        key: of the embedding.
        vectors: unit length, float32, shape (n, d).
        geometry: gives their neighbours and tree.
        featureless: the images of which their vectors say nothing, by row, with the digest of their pixels.
    """

    images: ImageSet
    skipped: tuple[SkippedImage, ...]
    key: str
    vectors: np.ndarray
    geometry: Callable[[], Geometry]
    featureless: Mapping[int, bytes]


@dataclass(frozen=True)
class LinkRequest:
    """What a method works on.

    Attributes:
        images: with files, at least two.
        config: all settings.
        cache_dir: where content hashes, embeddings and perceptual hashes are kept.
        embed: gives the images' vectors, which may take a while.
        geometry: gives neighbours of all the images where an earlier experiment has them; None where none has.
        window: which of the images may be linked by when they were taken; None where all may.
    """

    images: ImageSet
    config: DuplicatesConfig
    cache_dir: Path
    embed: Callable[[], EmbeddedImages]
    geometry: Callable[[], Geometry] | None = None
    window: TimeWindow | None = None

    @property
    def work_folder(self) -> Path:
        """For matrices and geometries."""
        return self.config.folder / WORK


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
        recall: where only likely pairs were compared, the share of the pairs at least so similar that were among them,
            measured on a sample; None where none is missed.
        compare: where there are no vectors, gives the similarity of one row to others; None where only equality is
            known.
    """

    images: ImageSet
    skipped: tuple[SkippedImage, ...]
    tree: SimilarityTree
    measure: str
    vectors: np.ndarray | None = None
    similarity_of_cosine: Callable[[np.ndarray], np.ndarray] = lambda cosines: cosines
    compare: Callable[[int, np.ndarray], np.ndarray] | None = None
    recall: Callable[[float], float | None] = lambda threshold: None

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
