"""From how well each name fits each cluster to one name per cluster, all different."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

UNSURE = 0.05
"""A classifier's most likely class must be at least this likely for a cluster to be named at all."""

RIVALS = 0.5
"""Classes this likely, as a share of the most likely one's, are rivals for the name."""


def likely_classes(logits: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Scores for ``choose_names`` from a classifier that has seen other pictures than these.

    Such a classifier finds a few classes everywhere (in drawings, anything with a thin line is a hook). Among the
    classes that are likely for a cluster, the one counts that is more likely there than in the other clusters.

    Args:
        logits: of the clusters' means, shape (k, n_classes).
        sizes: images of each cluster, shape (k,).

    Returns:
        shape (k, n_classes); -inf for classes that are not likely, and so for all of a cluster that none fits.
    """
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = shares / shares.sum(axis=1, keepdims=True)
    likely = (shares >= RIVALS) & (probabilities.max(axis=1, keepdims=True) >= UNSURE)
    usual = np.average(logits, axis=0, weights=sizes)
    return np.where(likely, logits - usual, -np.inf)


def choose_names(scores: np.ndarray, names: Sequence[str], sizes: np.ndarray) -> dict[int, str]:
    """The name that speaks most for a cluster; where several clusters have the same, the smaller ones get a number.

    Args:
        scores: shape (k, len(names)), higher is better; -inf for a name that must not be chosen.
        names: all different.
        sizes: images of each cluster, shape (k,).

    Returns:
        a name for each of 0 … k-1 that may have one, the largest first.

    >>> choose_names(np.array([[1, 0], [3, 2], [0, 1]]), ["cat", "dog"], np.array([5, 9, 1]))
    {1: 'cat', 0: 'cat 2', 2: 'dog'}
    """
    best = scores.argmax(axis=1)
    taken = set(names)
    used: dict[str, int] = {}
    chosen: dict[int, str] = {}
    for cluster in np.argsort(-sizes, kind="stable").tolist():
        if np.isneginf(scores[cluster, best[cluster]]):
            continue
        name = names[best[cluster]]
        used[name] = number = used.get(name, 0) + 1
        wanted = name if number == 1 else f"{name} {number}"
        while number > 1 and wanted in taken:  # a vocabulary may hold "cat 2" itself
            used[name] = number = number + 1
            wanted = f"{name} {number}"
        chosen[cluster] = wanted
    return chosen
