"""All scores together: complete, finite, and defined in every corner."""

from __future__ import annotations

import math
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.score.constraints import with_pair_shares
from runner.score.gap_reference import structureless_shares
from runner.score.neighbor_information import neighbor_information
from runner.score.scorecard import is_usable, score_clustering
from runner.score.scores import Scores
from tests.score.clusterings import blobs, neighbor_graph


def scored(labels: np.ndarray, vectors: np.ndarray, **options: object) -> Scores:
    arguments: dict[str, object] = {"truth": None, "seed": 0, **options}
    return score_clustering(labels, vectors, neighbor_graph(vectors, min(30, len(vectors) - 1)), **arguments)  # type: ignore[arg-type]


def test_a_good_clustering_has_every_score() -> None:
    vectors, truth = blobs(300, 8, 5, spread=0.3, seed=0)
    pairs = np.array([[0, 1], [2, 3]])
    shares = structureless_shares([truth], neighbor_graph(vectors, 30))
    found = scored(truth, vectors, truth=[str(label) for label in truth], structureless=shares)
    scores = with_pair_shares(found, truth, pairs, pairs)
    assert {name for name, value in asdict(scores).items() if value is None} == {"ranking_score"}
    assert scores.ami == pytest.approx(1)
    assert scores.beats_null
    assert is_usable(scores)


def test_neighbors_are_those_of_the_neighborhood() -> None:
    vectors, truth = blobs(400, 8, 5, seed=1)
    expected = neighbor_information(truth, neighbor_graph(vectors, 20))
    assert scored(truth, vectors).neighbor_information == expected


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 40), st.integers(0, 10_000), st.integers(1, 40), st.booleans())
def test_every_score_is_finite_or_none(n: int, seed: int, n_clusters: int, repeated: bool) -> None:
    generator = np.random.default_rng(seed)
    vectors = generator.normal(size=(n, 4))
    if repeated:
        vectors = vectors[generator.integers(0, 2, size=n)]
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    labels = generator.integers(-1, n_clusters, size=n)
    truth = [None if value == 0 else str(value) for value in generator.integers(0, 3, size=n)]
    pairs = generator.integers(0, n, size=(3, 2))
    scores = with_pair_shares(scored(labels, vectors, truth=truth), labels, pairs, pairs)
    assert all(value is None or math.isfinite(value) for value in asdict(scores).values())


@pytest.mark.parametrize(
    "labels",
    [[0] * 6, [-1] * 6, [0, 1, 2, 3, 4, 5], [0, 0, 0, 0, 0, -1], [-1, -1, -1, -1, 0, 1]],
    ids=["one cluster", "all noise", "singletons", "one cluster and noise", "two singletons and noise"],
)
def test_what_says_nothing_is_not_usable(labels: list[int]) -> None:
    vectors, _ = blobs(6, 4, 2, seed=2)
    scores = scored(np.array(labels), vectors)
    assert not is_usable(scores)
    assert not scores.beats_null


def test_a_handful_of_images_can_be_usable() -> None:
    vectors = np.array([[1, 0], [1, 0.1], [0, 1], [0.1, 1]], dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert is_usable(scored(np.array([0, 0, 1, 1]), vectors))
    assert not is_usable(scored(np.array([0, 1, 1, 0]), vectors))


def test_two_images() -> None:
    vectors = np.eye(2, dtype=np.float32)
    for labels in ([0, 0], [0, 1], [-1, 0], [-1, -1]):
        assert not is_usable(scored(np.array(labels), vectors))


def test_the_seed_is_all_that_is_random() -> None:
    vectors, truth = blobs(200, 8, 5, seed=3)
    assert scored(truth, vectors, seed=7) == scored(truth, vectors, seed=7)
