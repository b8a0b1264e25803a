"""The exact spanning tree of Hamming distances between codes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from runner.cluster.graph.similarity_tree import SimilarityTree
from runner.images.similarity.codes import packed, spanning_tree_of_codes
from runner.images.similarity.featureless import pairs_of_equals


def hamming_tree(bits: np.ndarray, featureless: Mapping[int, bytes]) -> SimilarityTree:
    """The tree of the similarity 1 - differing bits / all bits.

    Args:
        bits: bool, shape (n, n_bits), n ≥ 1.
        featureless: rows whose bits say nothing, with the digest of their pixels; they are linked with the same pixels
            alone.
    """
    equal = pairs_of_equals(featureless)
    rows = np.setdiff1d(np.arange(len(bits)), list(featureless))
    edges, distances = np.empty((0, 2), dtype=np.int64), np.empty(0)
    if len(rows):
        edges, distances = spanning_tree_of_codes(packed(bits[rows]), of_bits=True)
    similarities = np.concatenate([np.ones(len(equal)), 1 - distances / bits.shape[1]])
    return SimilarityTree(np.concatenate([equal, rows[edges]]).astype(np.int32), similarities, len(bits))
