"""Two-stage graph and tree, against the exact ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.cluster.hierarchy import is_valid_linkage
from sklearn.metrics import adjusted_rand_score

from runner.cluster.agglomerative import agglomerative_linkage, cut_linkage
from runner.cluster.agglomerative.sharded import sharded_linkage
from runner.cluster.geometry import build_geometry, open_geometry
from runner.cluster.graph.approximate_neighbors import two_stage_geometry
from runner.cluster.graph.cuts import hdbscan_labels, threshold_labels
from runner.cluster.graph.neighbors import nearest_neighbors
from runner.cluster.graph.single_linkage import dendrogram
from runner.cluster.graph.spanning_tree import mutual_reachability_tree, reweighted_tree
from runner.cluster.spaces import Space
from runner.config.experiment import ExperimentConfig, Mode
from runner.experiment.run import plan_experiment, run_experiment
from tests.benchmarks.synthetic import synthetic_unit_vectors


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    return synthetic_unit_vectors(3000, 32, 30, 0.5, 1)[0]


def test_one_shard_is_exact(vectors: np.ndarray) -> None:
    few = vectors[:400]
    built = two_stage_geometry(few, 10, 0, shard=400)
    exact = nearest_neighbors(few, 10)
    assert np.allclose(built.neighbors.distances, exact.distances)
    assert built.recall == 1.0


def test_most_neighbours_are_found_and_the_recall_says_how_many(vectors: np.ndarray) -> None:
    built = two_stage_geometry(vectors, 15, 0, shard=200, probes=4)
    exact = nearest_neighbors(vectors, 15)
    share = np.mean([len(np.intersect1d(*rows)) for rows in zip(built.neighbors.indices, exact.indices, strict=True)])
    assert 0.8 < share / 15 < 1
    assert built.recall == pytest.approx(share / 15, abs=0.05)
    own = np.arange(len(vectors))[:, None]
    assert not (built.neighbors.indices == own).any()
    assert (np.diff(built.neighbors.distances, axis=1) >= 0).all()


def test_clusterings_agree_with_the_exact_ones(vectors: np.ndarray) -> None:
    exact = nearest_neighbors(vectors, 15)
    tree = mutual_reachability_tree(vectors, exact, 15)
    built = two_stage_geometry(vectors, 15, 0, shard=200, probes=4)
    assert len(built.tree.edges) == len(vectors) - 1
    labels = [
        hdbscan_labels(dendrogram(reweighted_tree(vectors, graph, whole, 5)), 20)
        for graph, whole in ((exact, tree), (built.neighbors, built.tree))
    ]
    assert labels[0].max() > 5
    assert adjusted_rand_score(*labels) > 0.85
    singles = [
        threshold_labels(reweighted_tree(vectors, graph, whole, 1), 0.75)
        for graph, whole in ((exact, tree), (built.neighbors, built.tree))
    ]
    assert adjusted_rand_score(*singles) > 0.9


@pytest.mark.parametrize(
    ("linkage", "metric", "agreements"),
    [
        ("average", "cosine", {30: 0.8, 200: 0.7}),
        ("average", "euclidean", {30: 0.5, 200: 0.7}),
        ("ward", "cosine", {30: 0.5, 200: 0.7}),
        ("ward", "euclidean", {30: 0.5, 200: 0.7}),
        ("complete", "cosine", {200: 0.6}),
        ("complete", "euclidean", {200: 0.6}),
    ],
)
def test_linkages_in_two_stages_agree_with_the_exact_ones(
    vectors: np.ndarray, linkage: str, metric: str, agreements: dict[int, float]
) -> None:
    exact = agglomerative_linkage(vectors, linkage, metric).merges
    built = sharded_linkage(vectors, linkage, metric == "euclidean", 0, shard=300, n_micro_clusters=600)
    assert is_valid_linkage(built) and (np.diff(built[:, 2]) >= 0).all() and built[-1, 3] == len(vectors)
    for k, least in agreements.items():
        assert adjusted_rand_score(cut_linkage(exact, k), cut_linkage(built, k)) > least
    few = sharded_linkage(vectors[:200], linkage, metric == "euclidean", 0, shard=200, n_micro_clusters=200)
    assert np.allclose(few[:, 2], agglomerative_linkage(vectors[:200], linkage, metric).merges[:, 2], atol=1e-6)


def test_outliers_of_every_shard_find_their_neighbours() -> None:
    vectors = synthetic_unit_vectors(2000, 16, 20, 0.5, 2)[0]
    lonely = np.eye(16, dtype=np.float32)[:4] * -1
    vectors = np.concatenate([vectors, lonely])
    built = two_stage_geometry(vectors, 5, 0, shard=100, probes=1)
    assert np.allclose(built.neighbors.distances[-4:], nearest_neighbors(vectors, 5).distances[-4:])


def test_chosen_above_the_stated_size_only(vectors: np.ndarray, tmp_path: Path) -> None:
    np.save(tmp_path / "vectors.npy", vectors)

    def build(exact_up_to: int) -> float | None:
        geometry = build_geometry(
            tmp_path / "geometry",
            Space.parse("none"),
            tmp_path / "vectors.npy",
            base=None,
            min_samples=5,
            seed=0,
            exact_up_to=exact_up_to,
        )
        assert open_geometry(tmp_path / "geometry").recall == geometry.recall
        merges.append(np.array(geometry.merges(5)))
        return geometry.recall

    merges: list[np.ndarray] = []
    recall = build(2999)
    assert recall is not None and 0.9 < recall <= 1
    assert build(3000) is None  # what is approximate is not taken for exact
    assert build(2999) is None  # what is exact will do
    assert not np.array_equal(merges[0], merges[1]) and np.array_equal(merges[1], merges[2])


@pytest.mark.check
def test_trials_say_that_they_are_approximate(tmp_path: Path) -> None:
    vectors = synthetic_unit_vectors(60, 8, 4, 0.5, 0)[0]
    np.save(tmp_path / "vectors.npy", vectors)
    config = ExperimentConfig(
        embeddings=tmp_path / "vectors.npy",
        mode=Mode.DEBUG,
        algorithms=("hdbscan", "kmeans"),
        exact_up_to=50,
        out=tmp_path / "out",
        top=0,
    )
    assert any("more than 50 images" in note for note in plan_experiment(config).notes)
    details = {record.algorithm: record.details for record in run_experiment(config).trials}
    assert details["hdbscan"]["approximate"] is True and 0 < float(details["hdbscan"]["neighbor_recall"]) <= 1
    assert "approximate" not in details["kmeans"]
