"""How near known pairs are: the rank of one image among the other's neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runner.images.constraints import PairKind, Pairs
from runner.similar.nearest import cosine_similarities


@dataclass(frozen=True)
class PairRank:
    """A known pair under one embedding.

    Attributes:
        first, second: rows of the two images.
        kind: ``must_link`` or ``cannot_link``.
        embedding: key of the embedding.
        similarity: cosine of the two.
        rank: place of the second among the first's neighbours, 1 for the nearest.
        reverse_rank: place of the first among the second's.
    """

    first: int
    second: int
    kind: PairKind
    embedding: str
    similarity: float
    rank: int
    reverse_rank: int


def pair_ranks(embedding: str, vectors: np.ndarray, pairs: Pairs) -> list[PairRank]:
    """Ranks of all pairs; equally near images share the better rank.

    Args:
        embedding: key of the embedding.
        vectors: unit length, float32, shape (n, d).
        pairs: rows of known pairs.
    """
    kinds: tuple[tuple[PairKind, np.ndarray], ...] = (
        ("must_link", pairs.must_link),
        ("cannot_link", pairs.cannot_link),
    )
    ranks = []
    for kind, rows in kinds:
        for first, second in rows.tolist():
            rank, similarity = _rank(vectors, first, second)
            reverse_rank, _ = _rank(vectors, second, first)
            ranks.append(PairRank(first, second, kind, embedding, similarity, rank, reverse_rank))
    return ranks


def _rank(vectors: np.ndarray, query: int, other: int) -> tuple[int, float]:
    similarities = cosine_similarities(vectors, np.asarray(vectors[query]))
    nearer = similarities > similarities[other]
    nearer[query] = False
    return 1 + int(np.count_nonzero(nearer)), float(similarities[other])
