"""A few images that stand for many: the farthest-point heuristic for the k-center problem (Gonzalez 1985)."""

from __future__ import annotations

import numpy as np


def k_center(vectors: np.ndarray, first: int, k: int) -> list[int]:
    """Rows that cover all rows well: each next one is the farthest from those chosen before.

    The largest distance of any row to its nearest chosen one is at most twice the best possible. Of equally far rows
    the first is taken; rows equal to a chosen one come last.

    Args:
        vectors: unit length, shape (n, d).
        first: the row to begin with.
        k: how many are wanted; all n rows if there are fewer.

    >>> angles = np.radians([0, 10, 80, 90])
    >>> k_center(np.stack([np.cos(angles), np.sin(angles)], axis=1), first=1, k=2)
    [1, 3]
    """
    chosen = [first]
    similarity = vectors @ vectors[first]
    similarity[first] = np.inf
    while len(chosen) < min(k, len(vectors)):
        farthest = int(np.argmin(similarity))
        chosen.append(farthest)
        similarity = np.maximum(similarity, vectors @ vectors[farthest])
        similarity[farthest] = np.inf
    return chosen
