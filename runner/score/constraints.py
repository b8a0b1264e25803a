"""How many of the user's must-link and cannot-link pairs a clustering satisfies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from runner.cluster.trial import NOISE
from runner.score.scores import Scores
from runner.score.validation import compact_labels, validate_pairs


def _together(labels: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Whether each pair shares a cluster, bool, shape (m,); two noise images do not."""
    labels = compact_labels(labels)
    pairs = np.asarray(pairs)
    validate_pairs(pairs, len(labels))
    left, right = labels[pairs[:, 0]], labels[pairs[:, 1]]
    return (left == right) & (left != NOISE)


def must_link_share(labels: np.ndarray, pairs: np.ndarray) -> float | None:
    """Share of the must-link pairs that lie in one cluster; noise lies in none.

    Args:
        labels: int, shape (n,); cluster of each image, ``NOISE`` for none.
        pairs: int, shape (m, 2); rows of the images of each pair.

    Returns:
        0 … 1; None if there are no pairs.

    Raises:
        ValueError: if an array's shape or type is not as described, or a row does not exist.

    >>> must_link_share(np.array([0, 0, 1, -1, -1]), np.array([[0, 1], [3, 4]]))
    0.5
    """
    together = _together(labels, pairs)
    return float(together.mean()) if together.size else None


def cannot_link_share(labels: np.ndarray, pairs: np.ndarray) -> float | None:
    """Share of the cannot-link pairs that lie apart; noise is apart from everything.

    Arguments, result and errors are as for ``must_link_share``.

    >>> cannot_link_share(np.array([0, 0, 1, -1, -1]), np.array([[0, 1], [3, 4]]))
    0.5
    """
    together = _together(labels, pairs)
    return 1 - float(together.mean()) if together.size else None


def with_pair_shares(scores: Scores, labels: np.ndarray, must_link: np.ndarray, cannot_link: np.ndarray) -> Scores:
    """``scores`` of a clustering together with those of the pairs; arguments as for the shares."""
    return replace(
        scores,
        must_link_share=must_link_share(labels, must_link),
        cannot_link_share=cannot_link_share(labels, cannot_link),
    )
