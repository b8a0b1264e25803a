"""Cluster mates: images that the best trials keep putting into one cluster with the query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from runner.cluster.trial import NOISE


@dataclass(frozen=True)
class Mate:
    """An image that shares a cluster with the query in some trials.

    Attributes:
        row: of the image set.
        trials: in how many of the trials.
        similarity: mean cosine similarity to the query over the embeddings.
    """

    row: int
    trials: int
    similarity: float


def consensus_mates(
    labels: Sequence[np.ndarray], anchors: Sequence[int], similarity: np.ndarray, own_row: int | None
) -> list[Mate]:
    """All images that share the query's cluster in at least one trial; the most agreed upon and most similar first.

    Args:
        labels: of each trial, int32, shape (n,); noise is nobody's mate.
        anchors: for each trial, the row whose cluster the query is in: its own, or its nearest neighbour's.
        similarity: of every row to the query, shape (n,).
        own_row: row of the query; None where it is not in the set.
    """
    counts = np.zeros(len(similarity), dtype=np.int64)
    for each, anchor in zip(labels, anchors, strict=True):
        if each[anchor] != NOISE:
            counts += each == each[anchor]
    if own_row is not None:
        counts[own_row] = 0
    rows = np.flatnonzero(counts)
    order = rows[np.lexsort((rows, -similarity[rows], -counts[rows]))]
    return [Mate(int(row), int(counts[row]), float(similarity[row])) for row in order]
