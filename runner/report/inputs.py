"""What every output is made from, as one value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from runner.images.image_set import ImageSet
from runner.results.summary import Summary, TrialRecord

if TYPE_CHECKING:
    from runner.cluster.flat_map import EmbeddingMap
    from runner.cluster.graph.similarity_tree import SimilarityTree


def no_map(_: str) -> EmbeddingMap | None:
    """For embeddings whose map is not drawn yet."""
    return None


def no_tree(_: str) -> SimilarityTree | None:
    """For embeddings whose spanning tree is not at hand."""
    return None


@dataclass(frozen=True)
class Results:
    """A finished experiment with access to its arrays.

    Attributes:
        summary: the experiment's record.
        images: the images that were clustered, in the order of all rows; result files have a row for each of their
            names.
        labels: gives a done trial's labels, int32, shape (n_images,).
        vectors: gives an embedding key's L2-normalised vectors, float32, shape (n_images, dimension).
        config_yaml: the resolved settings; run again, they give the same labels.
        flat_map: gives an embedding key's flat map, or None where it would have to be drawn.
        tree: gives an embedding key's tree of cosine similarities, or None where it would have to be computed.
        reconstructions: by the key of an embedding whose model was trained on the images, a picture of some originals
            above their reconstructions.
        targets: ids of the images that are marked in maps and sheets.
        workers: threads that decode images.
        image_list: names of the images' files that ``config_yaml`` finds in the results folder; None where it does not.
    """

    summary: Summary
    images: ImageSet
    labels: Callable[[str], np.ndarray]
    vectors: Callable[[str], np.ndarray]
    config_yaml: str = ""
    flat_map: Callable[[str], EmbeddingMap | None] = no_map
    tree: Callable[[str], SimilarityTree | None] = no_tree
    reconstructions: Mapping[str, Path] = field(default_factory=dict)
    targets: tuple[str, ...] = field(default=())
    workers: int = 2
    image_list: tuple[str, ...] | None = None

    def top_trials(self, top: int) -> list[TrialRecord]:
        """The ``top`` best trials, best first."""
        by_id = {trial.id: trial for trial in self.summary.trials}
        return [by_id[trial_id] for trial_id in self.summary.ranking[:top]]

    def best_trial_of(self, embedding_key: str) -> TrialRecord | None:
        """The best trial of one embedding, else the best of all, else None."""
        trials = self.top_trials(len(self.summary.ranking))
        own = [trial for trial in trials if trial.embedding == embedding_key]
        return next(iter(own or trials), None)

    @property
    def target_rows(self) -> list[int]:
        """Rows of the targets among the images; targets that were skipped have none."""
        return self.images.rows_present(self.targets)
