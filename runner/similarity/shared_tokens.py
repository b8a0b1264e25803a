"""Images that have features in common, without comparing all pairs: an inverted index."""

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
        own = np.arange(len(shared))
        shared[own, own + start] = -1
        nearest[start : start + len(shared)] = np.argsort(-shared, axis=1, kind="stable")[:, :k]
    return nearest
