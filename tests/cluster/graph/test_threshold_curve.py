"""The counts at every threshold, against counting by hand; and the knee."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.cluster.graph.similarity_tree import SimilarityTree
from runner.cluster.graph.single_linkage import minimum_spanning_forest
from runner.cluster.graph.threshold_curve import threshold_curve
from runner.cluster.trial import NOISE


def _tree(similarities: np.ndarray) -> SimilarityTree:
    """The tree of a full matrix of similarities."""
    n = len(similarities)
    edges = np.stack(np.triu_indices(n, 1), axis=1).astype(np.int32)
    forest = minimum_spanning_forest(edges, 1 - similarities[edges[:, 0], edges[:, 1]], n)
    return SimilarityTree.of_distances(forest, n)


def _random_similarities(n: int, seed: int, levels: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    matrix = generator.integers(0, levels, size=(n, n)) / levels
    return np.maximum(matrix, matrix.T)


@given(n=st.integers(2, 30), seed=st.integers(0, 10_000), levels=st.integers(1, 40))
def test_counts_are_those_of_the_components(n: int, seed: int, levels: int) -> None:
    from scipy.sparse.csgraph import connected_components

    similarities = _random_similarities(n, seed, levels)
    curve = threshold_curve(_tree(similarities))
    for threshold in [*np.unique(similarities), 0.5, 1.0]:
        _, components = connected_components(similarities >= threshold - 1e-12, directed=False)
        sizes = np.bincount(components)
        point = curve.at(float(threshold))
        assert point.groups == np.count_nonzero(sizes > 1)
        assert point.images == sizes[sizes > 1].sum()
        assert point.pairs == (sizes * (sizes - 1) // 2).sum()
        labels = curve.tree.groups(float(threshold))
        assert np.count_nonzero(labels != NOISE) == point.images
        together = labels[:, None] == labels
        assert (together == (components[:, None] == components))[np.ix_(labels != NOISE, labels != NOISE)].all()


@given(n=st.integers(2, 20), seed=st.integers(0, 1000))
def test_the_pairs_above_and_below_are_on_their_sides(n: int, seed: int) -> None:
    similarities = _random_similarities(n, seed, 50)
    curve = threshold_curve(_tree(similarities))
    point = curve.at(0.6)
    for linked, is_above in ((point.above, True), (point.below, False)):
        if linked is not None:
            (first, second), similarity = linked
            assert similarity == pytest.approx(similarities[first, second])
            assert (similarity >= 0.6) == is_above


def test_knee_lies_between_planted_pairs_and_strangers() -> None:
    generator = np.random.default_rng(1)
    strangers = generator.normal(size=(300, 32))
    copies = strangers[:60] + 0.03 * generator.normal(size=(60, 32))
    vectors = np.concatenate([strangers, copies])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    curve = threshold_curve(_tree(vectors @ vectors.T))
    knee = curve.knee()
    point = curve.at(knee.threshold)
    labels = curve.tree.groups(knee.threshold)
    assert (labels[:60] == labels[300:]).all()
    assert 60 <= point.groups <= 66
    assert knee.reason


@pytest.mark.parametrize("n", [2, 3, 5])
def test_knee_of_copies_only(n: int) -> None:
    curve = threshold_curve(_tree(np.ones((n, n))))
    assert curve.knee().threshold == pytest.approx(1.0)
    assert curve.at(1.0).images == n


def test_strangers_are_no_duplicates_however_few_they_are() -> None:
    curve = threshold_curve(_tree(np.array([[1.0, 0.4], [0.4, 1.0]])))
    assert curve.at(curve.knee().threshold).groups == 0


def test_no_links_at_all() -> None:
    curve = threshold_curve(SimilarityTree(np.empty((0, 2), dtype=np.int32), np.empty(0), 4))
    point = curve.at(0.5)
    assert (point.groups, point.images, point.pairs, point.above, point.below) == (0, 0, 0, None, None)
    assert curve.knee().threshold == 1.0


@pytest.mark.parametrize("spread", [0.02, 0.2])
def test_knee_does_not_stop_at_the_copies(spread: float) -> None:
    """Every third image has a copy and two variants; the copies alone would be the widest gap of all."""
    generator = np.random.default_rng(2)
    strangers = generator.normal(size=(240, 32))
    variants = [strangers[:80] + spread * generator.normal(size=(80, 32)) for _ in range(2)]
    vectors = np.concatenate([strangers, strangers[:80], *variants])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    curve = threshold_curve(_tree(vectors @ vectors.T))
    labels = curve.tree.groups(curve.knee().threshold)
    together = [(labels[:80] == labels[240 + 80 * part : 320 + 80 * part]).mean() for part in range(3)]
    assert labels[:80].min() != NOISE and min(together) > 0.95
    assert np.mean(labels[80:240] == NOISE) > 0.9


def test_knee_is_no_chain_of_strangers() -> None:
    """Images along a line, each as near to the next as can be, and copies of some of them."""
    angles = np.radians(np.concatenate([np.arange(0, 90, 0.5), np.arange(0, 90, 9)]))
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    curve = threshold_curve(_tree(vectors @ vectors.T))
    assert curve.at(curve.knee().threshold).groups == 10


def test_knee_keeps_a_large_group_of_near_copies() -> None:
    generator = np.random.default_rng(3)
    strangers = generator.normal(size=(300, 32))
    frames = strangers[0] + 0.02 * generator.normal(size=(100, 32))
    vectors = np.concatenate([strangers, frames])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    curve = threshold_curve(_tree(vectors @ vectors.T))
    assert np.bincount(curve.tree.groups(curve.knee().threshold) + 1)[1:].max() >= 95


def test_what_strangers_reach_is_a_matter_of_the_measure() -> None:
    similarities = np.full((60, 60), 0.05)
    for first in range(0, 20, 2):
        similarities[first, first + 1] = similarities[first + 1, first] = 0.4 + 0.02 * first
    tree = _tree(similarities)
    assert threshold_curve(replace(tree, strangers=0.3)).knee().threshold == pytest.approx(0.4)
    assert threshold_curve(tree).knee().threshold == 0.75
