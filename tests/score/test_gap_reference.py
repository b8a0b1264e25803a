"""Credit only for what a cloud without clusters would not give."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.metrics import adjusted_mutual_info_score

from runner.cluster.geometry import Geometry, build_geometry
from runner.cluster.spaces import Space
from runner.cluster.structureless import MOST_ROWS, structureless_cloud
from runner.cluster.trial import NOISE
from runner.engine.gap_reference import shares_in_structureless_cloud
from runner.score.gap_reference import StructurelessShares, structureless_shares
from runner.score.neighbor_information import neighbor_information, neighborhood
from runner.score.ranking import Candidate, rank_trials
from runner.score.scorecard import score_clustering
from tests.score.clusterings import blobs, neighbor_graph


def geometry_of(vectors: np.ndarray, folder: Path) -> Geometry:
    np.save(folder / "vectors.npy", vectors)
    path = folder / "vectors.npy"
    return build_geometry(folder / "none-0", Space.parse("none"), path, base=None, min_samples=5, seed=0)


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def some_shares() -> StructurelessShares:
    cloud = unit(np.random.default_rng(0).normal(size=(600, 6)) + 1)
    partitions = [AgglomerativeClustering(count).fit_predict(cloud) for count in (2, 5, 12, 30, 80, 200)]
    return structureless_shares(partitions, neighbor_graph(cloud, 30))


SHARES = some_shares()


def test_cloud_has_the_mean_and_the_covariance_and_nothing_else() -> None:
    vectors, truth = blobs(4000, 10, 6, spread=0.2, seed=0)
    cloud = structureless_cloud(vectors, seed=1)
    assert cloud.shape == vectors.shape
    assert cloud.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(cloud, axis=1), 1, rtol=1e-5)
    spread = np.sqrt(np.linalg.eigvalsh(np.cov(vectors.T)))
    np.testing.assert_allclose(np.sqrt(np.linalg.eigvalsh(np.cov(cloud.T))), spread, atol=0.35 * spread.max())
    found = KMeans(6, n_init=1, random_state=0).fit_predict(cloud)
    own = neighbor_information(found, neighborhood(neighbor_graph(cloud, 30)))
    assert own < 0.7 * neighbor_information(truth, neighborhood(neighbor_graph(vectors, 30)))


def test_cloud_is_the_same_for_the_same_seed_and_never_large() -> None:
    vectors = unit(np.random.default_rng(0).normal(size=(MOST_ROWS + 100, 3)))
    first = structureless_cloud(vectors, seed=3)
    assert len(first) == MOST_ROWS
    np.testing.assert_array_equal(first, structureless_cloud(vectors, seed=3))
    assert not np.array_equal(first, structureless_cloud(vectors, seed=4))


def test_clusters_of_the_cloud_itself_get_next_to_no_credit(tmp_path: Path) -> None:
    cloud = unit(np.random.default_rng(5).normal(size=(1500, 12)) + 0.5)
    shares = shares_in_structureless_cloud(geometry_of(cloud, tmp_path), seed=0)
    graph = neighborhood(neighbor_graph(cloud, 30))
    for count in (5, 20, 80, 300):
        labels = AgglomerativeClustering(count).fit_predict(cloud)
        seen = neighbor_information(labels, graph)
        assert seen > 0.3
        assert abs(seen - shares.information(labels)) < 0.15 * seen


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 300), st.integers(1, 60), st.integers(0, 1000))
def test_it_depends_on_sizes_alone(n: int, n_clusters: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    labels = random.integers(-1, n_clusters, size=n)
    value = SHARES.information(labels)
    assert 0 <= value < np.log(n) + 1
    assert SHARES.information(random.permutation(labels)) == pytest.approx(value)
    assert SHARES.information(np.where(labels < 0, NOISE, labels + 7)) == pytest.approx(value)


@pytest.mark.parametrize("labels", [[0] * 9, [NOISE] * 9, list(range(9))], ids=["one cluster", "noise", "singletons"])
def test_what_says_nothing_has_nothing(labels: list[int]) -> None:
    assert SHARES.information(np.array(labels)) == 0


@pytest.mark.parametrize("n", [2, 3, 4, 7])
def test_a_handful_of_images(n: int, tmp_path: Path) -> None:
    vectors = unit(np.random.default_rng(n).normal(size=(n, 5)))
    shares = shares_in_structureless_cloud(geometry_of(vectors, tmp_path), seed=0)
    assert np.isfinite(shares.information(np.arange(n) // 2))


def test_identical_images(tmp_path: Path) -> None:
    vectors = np.tile(unit(np.ones((1, 4))), (20, 1))
    shares = shares_in_structureless_cloud(geometry_of(vectors, tmp_path), seed=0)
    assert np.isfinite(shares.information(np.arange(20) // 5))


def test_noise_cut_to_pieces_does_not_beat_clusters_that_are_there(tmp_path: Path) -> None:
    """Linkages follow the noise of the vectors, which is also in their neighbour graph."""
    random = np.random.default_rng(2)
    truth = np.repeat(np.arange(8), 125)
    vectors = unit(random.normal(size=(8, 24))[truth] + 1.8 * random.normal(size=(1000, 24)))
    graph, shares = neighbor_graph(vectors, 30), shares_in_structureless_cloud(geometry_of(vectors, tmp_path), seed=0)
    labels = {
        f"{linkage} {count}": AgglomerativeClustering(count, linkage=linkage).fit_predict(vectors)
        for linkage in ("average", "ward")
        for count in (8, 60, 150, 300)
    }
    labels["kmeans 8"] = KMeans(8, n_init=3, random_state=0).fit_predict(vectors)
    trials = [
        Candidate(name, "e", score_clustering(each, vectors, graph, truth=None, seed=0, structureless=shares))
        for name, each in labels.items()
    ]
    plain = max(trials, key=lambda trial: trial.scores.neighbor_information or 0).id
    picked = rank_trials(trials, labels.__getitem__, {"e": graph}).ids[0]
    agreement = {name: adjusted_mutual_info_score(truth, each) for name, each in labels.items()}
    assert agreement[plain] < 0.7 * max(agreement.values())
    assert agreement[picked] == max(agreement.values())
