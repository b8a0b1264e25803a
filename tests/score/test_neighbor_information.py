"""Neighbour scores and their null baseline: what they reward, and what must not fool them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import mutual_info_score

from runner.cluster.algorithms import NULL_BASELINE
from runner.cluster.trial import NOISE
from runner.score.neighbor_information import NEIGHBORHOODS, neighbor_agreement, neighbor_information, neighborhood
from runner.score.null_baseline import null_cluster_counts, null_distribution
from tests.score.clusterings import blobs, neighbor_graph, random_labels, with_noise

VECTORS, TRUTH = blobs(800, 16, 10, spread=0.4, seed=0)
GRAPH = neighbor_graph(VECTORS, 20)
GOOD = neighbor_information(TRUTH, GRAPH)


def random_case(seed: int, n: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Arbitrary labels and an arbitrary graph."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(-1, generator.integers(1, n), size=n)
    graph = (np.arange(n)[:, None] + generator.integers(1, n, size=(n, generator.integers(1, 12)))) % n
    return labels, graph


def by_definition(labels: np.ndarray, graph: np.ndarray) -> float:
    """The formula, scale by scale and cluster by cluster."""
    widths = [width for width in NEIGHBORHOODS if width <= graph.shape[1]] or [graph.shape[1]]
    return float(np.mean([by_definition_at(labels, graph[:, :width]) for width in widths]))


def by_definition_at(labels: np.ndarray, graph: np.ndarray) -> float:
    total = 0.0
    for cluster in set(labels.tolist()) - {NOISE}:
        members = np.flatnonzero(labels == cluster)
        within = float(np.mean(labels[graph[members]] == cluster))
        chance = (len(members) - 1) / (len(labels) - 1)
        if within > chance:
            rest = (1 - within) * np.log((1 - within) / (1 - chance)) if within < 1 else 0.0
            total += len(members) / len(labels) * (within * np.log(within / chance) + rest)
    return total


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_information_is_its_definition(seed: int) -> None:
    labels, graph = random_case(seed)
    assert neighbor_information(labels, graph) == pytest.approx(by_definition(labels, graph), abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_names_of_clusters_do_not_matter(seed: int) -> None:
    labels, graph = random_case(seed)
    renamed = np.where(labels < 0, NOISE, 3 * np.random.default_rng(seed).permutation(len(labels))[labels] + 1)
    assert neighbor_information(renamed, graph) == pytest.approx(neighbor_information(labels, graph))
    assert neighbor_agreement(renamed, graph) == pytest.approx(neighbor_agreement(labels, graph))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_turning_clusters_into_noise_gains_nothing(seed: int) -> None:
    labels, graph = random_case(seed)
    dropped = np.random.default_rng(seed).integers(0, labels.max() + 2, size=3)
    noisier = np.where(np.isin(labels, dropped), NOISE, labels)
    assert neighbor_information(noisier, graph) <= neighbor_information(labels, graph) + 1e-12


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.floats(0.05, 1))
def test_turning_random_images_into_noise_loses(seed: int, share: float) -> None:
    noisier = with_noise(TRUTH, share, seed)
    assert neighbor_information(noisier, GRAPH) < GOOD
    assert neighbor_agreement(noisier, GRAPH) < neighbor_agreement(TRUTH, GRAPH)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 400))
def test_random_labels_carry_about_nothing(seed: int, n_clusters: int) -> None:
    labels = random_labels(len(TRUTH), n_clusters, seed)
    assert 0 <= neighbor_information(labels, GRAPH) < 0.03 * GOOD
    assert abs(neighbor_agreement(labels, GRAPH)) < 0.04


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_information_is_a_lower_bound_of_mutual_information(seed: int) -> None:
    """On a graph in which each image is as often a neighbour as it has neighbours, and without noise."""
    generator = np.random.default_rng(seed)
    n = 200
    graph = np.stack([(np.arange(n) + step) % n for step in generator.choice(np.arange(1, 40), 10, replace=False)], 1)
    labels = np.sort(generator.integers(0, 9, size=n))
    full = mutual_info_score(np.repeat(labels, 10), labels[graph].ravel())
    # The bound counts an image among its own candidates; the score does not, a difference of order 1/n.
    assert neighbor_information(labels, graph) <= full + 20 / n


def test_what_fools_other_scores_does_not_fool_this_one() -> None:
    n = len(TRUTH)
    giant = np.zeros(n, dtype=int)
    giant[:5] = 1
    pairs = np.full(n, NOISE)
    for left, right in enumerate(GRAPH[:, 0]):
        if pairs[left] == NOISE and pairs[right] == NOISE:
            pairs[[left, right]] = left
    cores = np.where(np.arange(n) % 10 == 0, TRUTH, NOISE)
    halves = TRUTH * 2 + (VECTORS[:, 0] > np.median(VECTORS[:, 0]))
    merged = TRUTH // 2
    foils = {"one": giant * 0, "giant": giant, "singletons": np.arange(n), "pairs": pairs, "cores": cores}
    for name, labels in foils.items():
        assert neighbor_information(labels, GRAPH) < 0.5 * GOOD, name
    assert neighbor_information(halves, GRAPH) < GOOD
    assert neighbor_information(merged, GRAPH) < GOOD


def test_noise_is_never_agreement() -> None:
    everything = np.full(len(TRUTH), NOISE)
    assert neighbor_agreement(everything, GRAPH) == 0
    assert neighbor_information(everything, GRAPH) == 0


def test_agreement_is_one_where_all_neighbors_share_a_cluster() -> None:
    graph = np.array([[1, 2], [0, 2], [0, 1], [4, 5], [3, 5], [3, 4]])
    assert neighbor_agreement(np.array([0, 0, 0, 1, 1, 1]), graph) == 1
    assert neighbor_agreement(np.zeros(6, int), graph) == 0


def test_the_neighborhood_stays_small_beside_the_set() -> None:
    for n, k, expected in [(2, 1, 1), (9, 8, 3), (100, 60, 10), (900, 60, 30), (10_000, 60, 30), (10_000, 12, 12)]:
        assert neighborhood(np.zeros((n, k), dtype=np.int32)).shape == (n, expected)


def test_good_labels_beat_their_null_and_random_ones_do_not() -> None:
    assert null_distribution(TRUTH, GRAPH, seed=0).is_beaten_by(GOOD)
    beaten = 0
    for seed in range(50):
        labels = random_labels(len(TRUTH), 10, seed)
        beaten += null_distribution(labels, GRAPH, seed=seed).is_beaten_by(neighbor_information(labels, GRAPH))
    assert beaten <= 5  # one in nine by chance alone exceeds the highest of eight; fewer exceed three deviations


def test_the_null_keeps_sizes_and_seed() -> None:
    labels = with_noise(TRUTH, 0.3, seed=2)
    assert null_distribution(labels, GRAPH, seed=1) == null_distribution(labels, GRAPH, seed=1)
    assert null_distribution(labels, GRAPH, seed=1) != null_distribution(labels, GRAPH, seed=2)
    one = null_distribution(np.zeros(len(TRUTH), int), GRAPH, seed=0)
    assert (one.mean, one.spread) == (0, 0)
    assert not one.is_beaten_by(0.0)


@pytest.mark.parametrize("n", [2, 3, 4, 5, 7, 11, 100, 5000])
def test_null_baselines_exist_for_every_number_of_images(n: int) -> None:
    counts = null_cluster_counts(n)
    assert list(counts) == sorted(set(counts))
    for count in counts:
        labels = NULL_BASELINE.cluster(SimpleNamespace(n=n), {"n_clusters": count}, seed=3).labels
        assert labels.dtype == np.int32
        assert labels.shape == (n,)
        assert set(labels.tolist()) == set(range(labels.max() + 1))
        assert labels.max() < count <= n


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (np.zeros((4, 0), int), "shape"),
        (np.zeros((3, 2), int), "shape"),
        (np.zeros((4, 2)), "integers"),
        (np.full((4, 2), 4), "0 … 3"),
        (np.full((4, 2), -1), "0 … 3"),
        (np.array([[1], [0], [2], [0]]), "its own neighbor"),
    ],
)
def test_misshapen_graphs_are_refused(graph: np.ndarray, message: str) -> None:
    for score in (neighbor_agreement, neighbor_information):
        with pytest.raises(ValueError, match=message):
            score(np.array([0, 0, 1, 1]), graph)
