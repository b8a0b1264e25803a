"""k-means and its seeding, against scikit-learn and brute force."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.cluster.hierarchy import fcluster, ward
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans, kmeans_plusplus
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score

from runner.cluster.algorithms import algorithm_named
from runner.cluster.geometry import build_geometry
from runner.cluster.kmeans import assignment as kmeans_assignment
from runner.cluster.kmeans.assignment import GROUPS, two_smallest
from runner.cluster.kmeans.lloyd import KMeansResult, kmeans
from runner.cluster.kmeans.seeding import seed, seed_centers
from runner.cluster.spaces import Space
from runner.errors import RunnerError, UsageError


def unit_vectors(n: int, d: int, n_clusters: int, seed: int) -> np.ndarray:
    """Overlapping clusters of uneven sizes around one direction, as image embeddings are."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(n_clusters, size=n, p=rng.dirichlet(np.ones(n_clusters)))
    vectors = rng.normal(size=(n_clusters, d))[labels] + rng.normal(size=(n, d)) + 2 * rng.normal(size=d)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    return unit_vectors(3000, 24, 60, seed=0)


def squared_distances_to(vectors: np.ndarray, centers: np.ndarray) -> np.ndarray:
    return cdist(vectors.astype(np.float64), centers.astype(np.float64), "sqeuclidean")


def assert_consistent(vectors: np.ndarray, result: KMeansResult) -> None:
    """Labels are compact and nearest, the inertia is that of the labels."""
    assert result.labels.dtype == np.int32 and result.centers.dtype == np.float32
    np.testing.assert_array_equal(np.unique(result.labels), np.arange(result.n_clusters))
    distances = squared_distances_to(vectors, result.centers)
    own = distances[np.arange(len(vectors)), result.labels]
    scale = np.square(vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)).sum(axis=1).max()
    assert np.all(own <= distances.min(axis=1) + 1e-5 * scale)
    assert result.inertia == pytest.approx(own.sum(), rel=1e-4, abs=1e-6 * scale * len(vectors))


class TestLloyd:
    @pytest.mark.parametrize("n_clusters", [1, 2, 10, 100, 200, 600])
    def test_same_result_as_scikit_learn_from_the_same_centers(self, vectors: np.ndarray, n_clusters: int) -> None:
        start = vectors[np.random.default_rng(n_clusters).choice(len(vectors), n_clusters, replace=False)]
        reference = KMeans(n_clusters, init=start, n_init=1, algorithm="lloyd").fit(vectors)
        result = kmeans(vectors, start)
        assert np.mean(result.labels == reference.labels_) > 0.999
        assert result.inertia == pytest.approx(reference.inertia_, rel=1e-4)
        assert result.n_clusters == n_clusters
        assert_consistent(vectors, result)

    def test_stops_like_scikit_learn(self, vectors: np.ndarray) -> None:
        start = vectors[:10]
        reference = KMeans(10, init=start, n_init=1, algorithm="lloyd", tol=0.05).fit(vectors)
        result = kmeans(vectors, start, tol=0.05)
        assert reference.n_iter_ < kmeans(vectors, start, tol=0).n_iter
        assert result.n_iter == reference.n_iter_ and result.converged
        assert np.mean(result.labels == reference.labels_) > 0.999

    def test_integer_data_with_ties_comes_to_rest(self) -> None:
        digits = np.round(load_digits().data / 4).astype(np.float32)
        start = digits[seed_centers(digits, 100, 0)]
        result = kmeans(digits, start, tol=0)
        assert result.converged
        assert result.inertia == pytest.approx(KMeans(100, init=start, n_init=1).fit(digits).inertia_, rel=0.01)
        assert_consistent(digits, result)

    @pytest.mark.parametrize("exhaustive_up_to", [0, 10**6])
    def test_bounds_change_nothing(
        self, vectors: np.ndarray, monkeypatch: pytest.MonkeyPatch, exhaustive_up_to: int
    ) -> None:
        monkeypatch.setattr(kmeans_assignment, "EXHAUSTIVE_CENTERS", (exhaustive_up_to, exhaustive_up_to))
        start = vectors[:50]
        reference = KMeans(50, init=start, n_init=1, algorithm="lloyd", tol=0).fit(vectors)
        result = kmeans(vectors, start, tol=0)
        np.testing.assert_array_equal(result.labels, reference.labels_)

    def test_most_distances_are_never_computed(self, vectors: np.ndarray) -> None:
        result = kmeans(vectors, vectors[:600])
        assert result.n_iter > 5
        assert result.pairs_computed < 0.6 * result.n_iter * len(vectors) * 600

    @pytest.mark.parametrize("n_clusters", [40, 200])
    def test_far_off_data(self, vectors: np.ndarray, n_clusters: int) -> None:
        moved = vectors + np.float32(100)
        start = moved[:n_clusters]
        reference = KMeans(n_clusters, init=start.astype(np.float64), n_init=1).fit(moved.astype(np.float64))
        result = kmeans(moved, start)
        assert adjusted_rand_score(reference.labels_, result.labels) > 0.99
        assert result.inertia == pytest.approx(reference.inertia_, rel=1e-3)

    def test_outlier_does_not_spoil_the_rest(self, vectors: np.ndarray) -> None:
        with_outlier = np.vstack([vectors, 1000 * np.ones((1, vectors.shape[1]), np.float32)])
        start = with_outlier[[*range(199), len(vectors)]]
        result = kmeans(with_outlier, start, tol=0)
        alone = kmeans(vectors, vectors[:199], tol=0)
        assert np.bincount(result.labels)[result.labels[-1]] == 1
        assert result.inertia == pytest.approx(alone.inertia, rel=0.02)

    def test_unfinished_run_is_consistent_and_says_so(self, vectors: np.ndarray) -> None:
        result = kmeans(vectors, vectors[:200], max_iter=2)
        assert not result.converged and result.n_iter == 2
        assert_consistent(vectors, result)

    @pytest.mark.parametrize("n_clusters", [20, 200])
    def test_known_labels_save_the_first_assignment(self, vectors: np.ndarray, n_clusters: int) -> None:
        seeding = seed(vectors, n_clusters, 0)
        start = vectors[seeding.indices]
        cold = kmeans(vectors, start, tol=0)
        warm = kmeans(vectors, start, labels_init=seeding.labels(n_clusters), tol=0)
        np.testing.assert_array_equal(warm.labels, cold.labels)
        assert warm.n_iter == cold.n_iter - 1

    def test_same_result_every_time(self, vectors: np.ndarray) -> None:
        first, second = kmeans(vectors, vectors[:200]), kmeans(vectors, vectors[:200])
        np.testing.assert_array_equal(first.labels, second.labels)
        np.testing.assert_array_equal(first.centers, second.centers)
        assert first.inertia == second.inertia

    def test_several_threads_find_the_same(self, vectors: np.ndarray) -> None:
        threads = torch.get_num_threads()
        try:
            results = []
            for n_threads in (1, 2):
                torch.set_num_threads(n_threads)
                results.append(kmeans(vectors, vectors[:200]))
        finally:
            torch.set_num_threads(threads)
        assert np.mean(results[0].labels == results[1].labels) > 0.999

    @pytest.mark.parametrize("n_clusters", [5, 200])
    def test_read_only_memory_map(self, vectors: np.ndarray, tmp_path: Path, n_clusters: int) -> None:
        np.save(tmp_path / "vectors.npy", vectors)
        mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")
        result = kmeans(mapped, mapped[:n_clusters])
        np.testing.assert_array_equal(result.labels, kmeans(vectors, vectors[:n_clusters]).labels)
        np.testing.assert_array_equal(mapped, vectors)


class TestHostileInput:
    def test_every_point_its_own_cluster(self, vectors: np.ndarray) -> None:
        result = kmeans(vectors[:200], vectors[:200])
        assert result.n_clusters == 200 and result.inertia == 0 and result.converged

    @pytest.mark.parametrize("n_clusters", [3, 40])
    def test_fewer_distinct_points_than_clusters(self, n_clusters: int) -> None:
        distinct = np.eye(3, dtype=np.float32)[:2]
        repeated = np.repeat(distinct, [40, 5], axis=0)
        result = kmeans(repeated, repeated[-n_clusters:])
        assert result.n_clusters == 2 and result.inertia == 0
        np.testing.assert_array_equal(np.bincount(result.labels, minlength=2)[result.labels[[0, -1]]], [40, 5])

    def test_equal_points_are_never_split(self) -> None:
        points = np.array([[0.0]] * 20 + [[1e-4]] + [[0.0]] * 8 + [[-4], [-5], [-5]], np.float32)
        result = kmeans(np.tile(points, (8, 1)), np.tile(points, (8, 1)))
        assert result.n_clusters == 4
        np.testing.assert_array_equal(np.sort(np.bincount(result.labels)), [8, 8, 16, 224])

    def test_identical_points(self) -> None:
        result = kmeans(np.full((10, 4), 0.5, np.float32), np.full((3, 4), 0.5, np.float32))
        assert result.n_clusters == 1 and result.inertia == 0 and not result.labels.any()

    @pytest.mark.parametrize("n_clusters", [12, 200])
    def test_empty_clusters_are_filled(self, vectors: np.ndarray, n_clusters: int) -> None:
        start = np.tile(vectors[:1], (n_clusters, 1))
        result = kmeans(vectors, start)
        assert result.n_clusters == n_clusters
        assert result.inertia < 1.1 * KMeans(n_clusters, init="random", n_init=1, random_state=0).fit(vectors).inertia_
        assert_consistent(vectors, result)

    @pytest.mark.parametrize("n_clusters", [12, 200])
    def test_empty_clusters_are_filled_when_it_ends_early(self, vectors: np.ndarray, n_clusters: int) -> None:
        start = np.vstack([vectors[:2], np.full((n_clusters - 2, vectors.shape[1]), 50, np.float32)])
        result = kmeans(vectors, start, max_iter=1)
        assert result.n_clusters == n_clusters
        assert_consistent(vectors, result)

    def test_two_vectors(self) -> None:
        pair = np.array([[1, 0], [0, 1]], np.float32)
        assert kmeans(pair, pair[:1]).n_clusters == 1
        np.testing.assert_array_equal(kmeans(pair, pair).labels, [0, 1])

    def test_not_finite(self, vectors: np.ndarray) -> None:
        damaged = vectors.copy()
        damaged[17, 3] = np.nan
        with pytest.raises(RunnerError, match="NaN"):
            kmeans(damaged, vectors[:5])
        with pytest.raises(RunnerError, match="NaN"):
            seed(damaged, 5, 0)

    def test_more_clusters_than_points(self, vectors: np.ndarray) -> None:
        with pytest.raises(UsageError, match="between 1 and 10"):
            kmeans(vectors[:10], vectors[:11])
        with pytest.raises(UsageError, match="got 11"):
            seed(vectors[:10], 11, 0)

    def test_arguments_that_do_not_fit(self, vectors: np.ndarray) -> None:
        with pytest.raises(UsageError, match="do not fit"):
            kmeans(vectors, vectors[:5, :-1])
        with pytest.raises(UsageError, match="labels_init"):
            kmeans(vectors, vectors[:5], labels_init=np.zeros(7, np.int32))
        with pytest.raises(UsageError, match="max_iter"):
            kmeans(vectors, vectors[:5], max_iter=0)


class TestSeeding:
    def test_prefixes_are_seedings(self, vectors: np.ndarray) -> None:
        whole = seed(vectors, 600, 3)
        for n_clusters in (1, 2, 17, 100, 599):
            part = seed(vectors, n_clusters, 3)
            np.testing.assert_array_equal(part.indices, whole.indices[:n_clusters])
            np.testing.assert_array_equal(part.labels(n_clusters), whole.labels(n_clusters))

    def test_labels_are_the_nearest_seeds(self, vectors: np.ndarray) -> None:
        seeding = seed(vectors, 300, 1)
        for n_clusters in (1, 2, 40, 300):
            distances = squared_distances_to(vectors, vectors[seeding.indices[:n_clusters]])
            own = distances[np.arange(len(vectors)), seeding.labels(n_clusters)]
            np.testing.assert_allclose(own, distances.min(axis=1), atol=1e-5)

    def test_seeds_are_distinct_and_depend_on_the_seed_only(self, vectors: np.ndarray) -> None:
        first, again, other = (seed_centers(vectors, 500, random_state) for random_state in (5, 5, 6))
        assert first.dtype == np.int64 and len(np.unique(first)) == 500
        np.testing.assert_array_equal(first, again)
        assert not np.array_equal(first, other)

    def test_all_points_can_be_seeds(self, vectors: np.ndarray) -> None:
        indices = seed_centers(vectors[:150], 150, 0)
        np.testing.assert_array_equal(np.sort(indices), np.arange(150))

    def test_duplicates_are_no_seeds(self, vectors: np.ndarray) -> None:
        repeated = np.repeat(vectors[:20], 30, axis=0)
        seeding = seed(repeated, 50, 0)
        assert len(seeding.indices) == 20
        assert len(np.unique(repeated[seeding.indices], axis=0)) == 20
        np.testing.assert_array_equal(np.bincount(seeding.labels(50)), np.full(20, 30))

    def test_as_good_as_greedy_kmeans_plusplus(self, vectors: np.ndarray) -> None:
        for n_clusters in (10, 100, 500):
            ours, theirs = (
                [squared_distances_to(vectors, vectors[indices]).min(axis=1).sum() for indices in runs]
                for runs in (
                    [seed_centers(vectors, n_clusters, state) for state in range(3)],
                    [kmeans_plusplus(vectors, n_clusters, random_state=state)[1] for state in range(3)],
                )
            )
            assert np.mean(ours) < 1.03 * np.mean(theirs)

    def test_inertia_as_low_as_from_a_seeding_of_its_own(self, vectors: np.ndarray) -> None:
        ratios = []
        seedings = [seed(vectors, 600, state) for state in range(3)]
        for n_clusters in (5, 12, 29, 70, 170, 600):
            ours = [
                kmeans(vectors, vectors[s.indices[:n_clusters]], labels_init=s.labels(n_clusters)) for s in seedings
            ]
            theirs = [KMeans(n_clusters, n_init=1, random_state=state).fit(vectors).inertia_ for state in range(3)]
            ratios.append(np.mean([result.inertia for result in ours]) / np.mean(theirs))
        assert np.mean(ratios) <= 1.01


small_data = hnp.arrays(
    np.float32,
    st.tuples(st.integers(2, 40), st.integers(1, 6)),
    elements=st.integers(-5, 5).map(float) | st.floats(-10, 10, width=32),
)


class TestInvariants:
    @settings(max_examples=60, deadline=None)
    @given(data=small_data, share=st.floats(0, 1), exhaustive=st.booleans())
    def test_inertia_never_rises_and_labels_are_nearest(self, data: np.ndarray, share: float, exhaustive: bool) -> None:
        n_clusters = max(1, round(share * len(data)))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(kmeans_assignment, "EXHAUSTIVE_CENTERS", (10**6,) * 2 if exhaustive else (0, 0))
            runs = [kmeans(data, data[:n_clusters], max_iter=n, tol=0) for n in range(1, 8)]
        tolerance = 1e-5 * (1 + float(np.square(data).sum()))
        for run in runs:
            assert_consistent(data, run)
        assert all(later.inertia <= earlier.inertia + tolerance for earlier, later in itertools.pairwise(runs))
        distinct = len(np.unique(data + 0, axis=0))
        assert runs[-1].n_clusters <= min(n_clusters, distinct)
        if runs[-1].converged:
            means = [
                data[runs[-1].labels == label].mean(axis=0, dtype=np.float64) for label in range(runs[-1].n_clusters)
            ]
            np.testing.assert_allclose(runs[-1].centers, means, atol=1e-4)

    @settings(max_examples=60, deadline=None)
    @given(data=small_data, random_state=st.integers(0, 2**32))
    def test_seeds_are_as_many_as_distinct_points(self, data: np.ndarray, random_state: int) -> None:
        indices = seed_centers(data, len(data), random_state)
        seeds = data[indices] + 0  # no negative zeros
        assert len(np.unique(seeds, axis=0)) == len(seeds)
        assert len(seeds) <= len(np.unique(data + 0, axis=0))
        integers = bool((data == np.round(data)).all())
        assert not integers or len(seeds) == len(np.unique(data + 0, axis=0))

    @settings(max_examples=60, deadline=None)
    @given(n_groups=st.integers(1, 9), n_rows=st.integers(1, 5), levels=st.integers(1, 50), state=st.integers(0, 99))
    def test_two_smallest(self, n_groups: int, n_rows: int, levels: int, state: int) -> None:
        values = np.random.default_rng(state).integers(levels, size=(n_rows, n_groups * GROUPS)).astype(np.float32)
        at, first, second = (part.numpy() for part in two_smallest(torch.from_numpy(values)))
        ordered = np.sort(values, axis=1)
        np.testing.assert_array_equal(first, ordered[:, 0])
        np.testing.assert_array_equal(second, ordered[:, 1])
        np.testing.assert_array_equal(values[np.arange(n_rows), at], ordered[:, 0])


@pytest.mark.parametrize("min_samples", [5, 0])  # 0: a space without a graph
def test_from_wards_clusters_as_scikit_learn_from_scipys(vectors: np.ndarray, tmp_path: Path, min_samples: int) -> None:
    np.save(tmp_path / "vectors.npy", vectors)
    geometry = build_geometry(
        tmp_path / "none", Space.parse("none"), tmp_path / "vectors.npy", base=None, min_samples=min_samples, seed=0
    )
    algorithm, params = algorithm_named("kmeans"), {"n_clusters": 12, "init": "ward"}
    algorithm.prepare(geometry, [params], seed=0)
    found = algorithm.cluster(geometry, params, seed=0)
    start = fcluster(ward(vectors), 12, "maxclust")
    means = np.stack([vectors[start == label].mean(axis=0) for label in np.unique(start)])
    reference = KMeans(12, init=means, n_init=1, algorithm="lloyd").fit(vectors)
    assert adjusted_rand_score(found.labels, reference.labels_) > 0.99
    assert found.details["inertia"] == pytest.approx(reference.inertia_, rel=1e-4)
