"""A few images that stand for many: the farthest-point heuristic for the k-center problem (Gonzalez 1985)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def k_center(similarities_to: Callable[[int], np.ndarray], first: int, k: int) -> list[int]:
    """Rows that cover all rows well: each next one is the farthest from those chosen before.

    The largest distance of any row to its nearest chosen one is at most twice the best possible. Of equally far rows
    the first is taken; rows equal to a chosen one come last.

    Args:
        similarities_to: gives the similarity of all n rows to one of them, float, shape (n,).
        first: the row to begin with.
        k: how many are wanted; all n rows if there are fewer.

    >>> angles = np.radians([0, 10, 80, 90])
    >>> vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    >>> k_center(lambda row: vectors @ vectors[row], first=1, k=2)
    [1, 3]
    """
    chosen = [first]
    if k == 1:
        return chosen
    similarity = np.array(similarities_to(first))
    similarity[first] = np.inf
    while len(chosen) < min(k, len(similarity)):
        farthest = int(np.argmin(similarity))
        chosen.append(farthest)
        similarity = np.maximum(similarity, similarities_to(farthest))
        similarity[farthest] = np.inf
    return chosen
