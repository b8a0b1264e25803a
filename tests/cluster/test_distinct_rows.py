"""Equal rows are found whatever their bytes are, and nearly equal ones are different."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from runner.cluster import distinct_rows as module
from runner.cluster.copies import spread_neighbors, spread_tree
from runner.cluster.distinct_rows import distinct_rows
from runner.cluster.graph.single_linkage import SpanningTree


@settings(max_examples=60, deadline=None)
@given(
    vectors=hnp.arrays(
        st.sampled_from([np.float32, np.float64]),
        st.tuples(st.integers(1, 30), st.integers(1, 3)),
        elements=st.sampled_from([0.0, -0.0, 1.0, -1.0, float(np.nextafter(np.float32(1), np.float32(2)))]),
    )
)
def test_as_numpy_finds_them(vectors: np.ndarray) -> None:
    found = distinct_rows(vectors)
    _, firsts, counts = np.unique(vectors + 0.0, axis=0, return_index=True, return_counts=True)
    order = np.argsort(firsts)
    np.testing.assert_array_equal(found.firsts, firsts[order])
    np.testing.assert_array_equal(found.weights, counts[order])
    np.testing.assert_array_equal(vectors[found.firsts][found.numbers], vectors)
    np.testing.assert_array_equal(np.sort(np.concatenate([found.firsts, found.copies])), np.arange(len(vectors)))
    np.testing.assert_array_equal(found.spread(found.of(vectors)), vectors)


def test_rows_of_one_key_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_multipliers", lambda count: np.zeros(count, np.uint64))
    vectors = np.array([[1, 2], [3, 4], [1, 2], [5, 6], [3, 4], [0, -0.0], [-0.0, 0]], np.float32)
    assert distinct_rows(vectors).numbers.tolist() == [0, 1, 0, 2, 1, 3, 3]


def test_nothing_is_copied_where_all_differ(tmp_path: Path) -> None:
    np.save(tmp_path / "vectors.npy", np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32))
    vectors = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    found = distinct_rows(vectors)
    assert not found.has_copies and found.of(vectors) is vectors and found.spread(vectors) is vectors


def test_neighbours_of_copies_are_in_the_order_of_distance_and_row() -> None:
    distinct = distinct_rows(np.array([[0.0], [2.0], [0.0], [1.0], [2.0], [0.0]]))  # kinds: 0, 2, 1
    indices = np.array([[2, 1], [2, 0], [0, 1]], np.int32)
    distances = np.array([[1.0, 2.0], [1.0, 2.0], [1.0, 1.0]])
    found, lengths = spread_neighbors(indices, distances, distinct, 4)
    assert found.tolist() == [[2, 5, 3, 1], [4, 3, 0, 2], [0, 5, 3, 1], [0, 1, 2, 4], [1, 3, 0, 2], [0, 2, 3, 1]]
    assert lengths[0].tolist() == [0, 0, 1, 2] and lengths[3].tolist() == [1, 1, 1, 1]


def test_copies_are_joined_before_others_of_the_same_weight() -> None:
    distinct = distinct_rows(np.array([[0.0], [2.0], [0.0], [2.0]]))
    tree = SpanningTree(np.array([[0, 1]], np.int32), np.array([2.0]))
    spread = spread_tree(tree, np.array([2.0, 1.0]), distinct)
    assert spread.edges.tolist() == [[1, 3], [0, 2], [0, 1]] and spread.weights.tolist() == [1, 2, 2]
