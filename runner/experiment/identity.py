"""Digests that tell whether two runs are about the same thing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np

from runner.images.constraints import Pairs
from runner.images.image_set import ImageSet

SCORES = "scores 5"
"""Changes whenever trials are clustered or scored differently, so that those of an earlier version are run again."""


def digest_of(parts: Iterable[str]) -> str:
    """128 bits of BLAKE2b over a list of strings, in hexadecimal."""
    state = hashlib.blake2b(digest_size=16)
    for part in parts:
        encoded = part.encode("utf-8", "surrogateescape")
        state.update(len(encoded).to_bytes(8, "little") + encoded)
    return state.hexdigest()


def data_digest(images: ImageSet, contents: Sequence[str], seed: int, *, approximate: bool) -> str:
    """Of everything that a trial's labels and scores depend on, besides the embedding and the clustering config.

    Args:
        images: the images that were embedded.
        contents: the content hash of each.
        seed: of everything random.
        approximate: whether neighbours and trees are found in two stages, so that their labels are not the exact ones.
    """
    labels = [repr(label) for label in images.labels or ()]
    exact = digest_of([SCORES, str(seed), *contents, "labels", *labels])
    return digest_of([exact, "two stages"]) if approximate else exact


def experiment_digest(
    data: str, images: ImageSet, trial_ids: Sequence[str], pairs: Pairs | None, pair_weight: float
) -> str:
    """Of an experiment: its data, the images' names, all its trials, and what else changes the ranking."""
    linked = [] if pairs is None else [repr(pair_weight), *map(_digits, (pairs.must_link, pairs.cannot_link))]
    return digest_of([data, *images.names, "trials", *sorted(trial_ids), "pairs", *linked])


def _digits(rows: np.ndarray) -> str:
    return np.ascontiguousarray(rows, dtype=np.int64).tobytes().hex()
