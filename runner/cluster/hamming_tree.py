"""The exact spanning tree of Hamming distances between codes."""

from __future__ import annotations

import numpy as np

from runner.cluster.similarity_tree import SimilarityTree
from runner.similarity.codes import packed, spanning_tree_of_codes


def hamming_tree(bits: np.ndarray) -> SimilarityTree:
    """The tree of the similarity 1 - differing bits / all bits.

    Args:
        bits: bool, shape (n, n_bits), n ≥ 1.
    """
    edges, distances = spanning_tree_of_codes(packed(bits), of_bits=True)
    return SimilarityTree(edges.astype(np.int32), 1 - distances / bits.shape[1], len(bits))
