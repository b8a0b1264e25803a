"""Digests that tell whether two runs are about the same thing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runner.images.constraints import Pairs
from runner.images.image_set import ImageSet
from runner.score.scores import SCORES_VERSION
from runner.utils.hashing import digest_of


def data_digest(images: ImageSet, contents: Sequence[str], seed: int, *, approximate: bool) -> str:
    """Of everything that a trial's labels and scores depend on, besides the embedding and the clustering config.

    Args:
        images: the images that were embedded.
        contents: the content hash of each.
        seed: of everything random.
        approximate: whether neighbours and trees are found in two stages, so that their labels are not the exact ones.
    """
    labels = [repr(label) for label in images.labels or ()]
    exact = digest_of([SCORES_VERSION, str(seed), *contents, "labels", *labels])
    return digest_of([exact, "two stages"]) if approximate else exact


def experiment_digest(
    data: str, images: ImageSet, trial_ids: Sequence[str], pairs: Pairs | None, pair_weight: float
) -> str:
    """Of an experiment: its data, the images' names, all its trials, and what else changes the ranking."""
    linked = [] if pairs is None else [repr(pair_weight), *map(_digits, (pairs.must_link, pairs.cannot_link))]
    return digest_of([data, *images.names, "trials", *sorted(trial_ids), "pairs", *linked])


def _digits(rows: np.ndarray) -> str:
    return np.ascontiguousarray(rows, dtype=np.int64).tobytes().hex()
