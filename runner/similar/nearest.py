"""Nearest neighbours of a few vectors among many, by exact cosine similarity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BLOCK = 16384
"""Rows of the (memory-mapped) vectors that are worked on at a time."""


@dataclass(frozen=True)
class Neighbors:
    """The most similar images under one embedding, the most similar first.

    Attributes:
        embedding: its key.
        rows: int64, shape (k,).
        similarities: cosine, float64, shape (k,), at most 1.
    """

    embedding: str
    rows: np.ndarray
    similarities: np.ndarray


def cosine_similarities(vectors: np.ndarray, query: np.ndarray) -> np.ndarray:
    """Cosine similarity of every row to ``query``, float64, shape (n,), at most 1.

    Args:
        vectors: unit length, float32, shape (n, d); a memory map will do.
        query: unit length, shape (d,).
    """
    similarities = np.empty(len(vectors))
    for start in range(0, len(vectors), BLOCK):
        block = np.asarray(vectors[start : start + BLOCK])
        similarities[start : start + BLOCK] = block @ query.astype(np.float32)
    return np.minimum(similarities, 1.0)


def nearest(embedding: str, similarities: np.ndarray, count: int, own_row: int | None) -> Neighbors:
    """The ``count`` most similar rows but the query's own; of equals the first row comes first.

    Args:
        embedding: key of the embedding.
        similarities: of every row to the query, shape (n,).
        count: how many are wanted.
        own_row: row of the query; None where it is not in the set.
    """
    candidates = np.arange(len(similarities)) if own_row is None else np.delete(np.arange(len(similarities)), own_row)
    order = candidates[np.lexsort((candidates, -similarities[candidates]))][:count]
    return Neighbors(embedding, order, similarities[order])
