"""The tree of Hamming distances, against scipy's on the full matrix."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.cluster.hamming_tree import hamming_tree


@given(n=st.integers(1, 40), n_bits=st.sampled_from([1, 8, 64, 65, 256]), seed=st.integers(0, 10_000))
def test_every_threshold_gives_the_components_of_all_pairs(n: int, n_bits: int, seed: int) -> None:
    from scipy.sparse.csgraph import connected_components

    generator = np.random.default_rng(seed)
    bits = generator.random((n, n_bits)) < 0.5
    bits[generator.integers(0, n, n // 3)] = bits[0]
    tree = hamming_tree(bits, {})
    assert len(tree.edges) == n - 1
    distances = (bits[:, None] != bits).sum(axis=2)
    for row, (first, second) in enumerate(tree.edges):
        assert tree.similarities[row] == 1 - distances[first, second] / n_bits
    for distance in np.unique(distances):
        _, components = connected_components(distances <= distance, directed=False)
        labels = tree.groups(1 - distance / n_bits)
        sizes = np.bincount(components)
        assert sorted(np.bincount(labels[labels >= 0]).tolist()) == sorted(sizes[sizes > 1].tolist())


@pytest.mark.parametrize("n_bits", [64, 256])
def test_equal_strings_have_similarity_one(n_bits: int) -> None:
    tree = hamming_tree(np.ones((5, n_bits), dtype=bool), {})
    assert (tree.similarities == 1).all()
