"""Images that are likely to be alike, without comparing all pairs: by features in common, or by a sketch of each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_ROWS_AT_A_TIME = 256


def most_shared(tokens: Sequence[np.ndarray], k: int) -> np.ndarray:
    """The ``k`` < n other images of each that share most with it, rare tokens counting more than common ones.

    Args:
        tokens: of each image, int64, each token once.
        k: how many are wanted.

    Returns:
        int64, shape (n, k); an image that shares nothing with k others is filled up with any.
    """
    from scipy.sparse import csr_array

    n = len(tokens)
    _, columns, counts = np.unique(np.concatenate(tokens), return_inverse=True, return_counts=True)
    weights = np.sqrt(np.log(n / np.minimum(counts, n)))[columns].astype(np.float32)
    ends = np.concatenate([[0], np.cumsum([len(each) for each in tokens])])
    index = csr_array((weights, columns, ends), shape=(n, len(counts)))
    by_token = index.T.tocsr()
    nearest = np.empty((n, k), dtype=np.int64)
    for start in range(0, n, _ROWS_AT_A_TIME):
        shared = (index[start : start + _ROWS_AT_A_TIME] @ by_token).toarray()
        nearest[start : start + len(shared)] = _highest(shared, start, k)
    return nearest


def nearest_sketches(sketches: np.ndarray, k: int) -> np.ndarray:
    """The ``k`` < n other images of each whose sketches are nearest to its own.

    Args:
        sketches: float32, shape (n, d).
        k: how many are wanted.

    Returns:
        int64, shape (n, k).
    """
    half_norms = np.einsum("ij,ij->i", sketches, sketches) / 2
    blocks = range(0, len(sketches), _ROWS_AT_A_TIME)
    return np.concatenate(
        [_highest(sketches[start : start + _ROWS_AT_A_TIME] @ sketches.T - half_norms, start, k) for start in blocks]
    )


def tiles(picture: np.ndarray, side: int) -> np.ndarray:
    """A square cut into ``side`` × ``side`` squares, which divide it: float32, shape (side², pixels of each)."""
    part = len(picture) // side
    cut = picture.astype(np.float32).reshape(side, part, side, part)
    return cut.swapaxes(1, 2).reshape(side * side, part * part)


def _highest(scores: np.ndarray, start: int, k: int) -> np.ndarray:
    """Columns of the ``k`` highest scores of each row but its own, which is column ``start`` for the first one."""
    own = np.arange(len(scores))
    scores[own, own + start] = -np.inf
    return np.argsort(-scores, axis=1, kind="stable")[:, :k]
