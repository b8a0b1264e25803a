"""Agglomerative clustering against scipy, scikit-learn and the definition."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import cdist, squareform
from sklearn.cluster import AgglomerativeClustering
from sklearn.datasets import load_digits, make_blobs
from sklearn.metrics import adjusted_rand_score

from runner.cluster.agglomerative import (
    agglomerative_linkage,
    average_linkage_cosine,
    cut_linkage,
    matrix_linkage,
    ward_linkage,
)
from runner.cluster.agglomerative import reducible as reducible_module
from runner.cluster.agglomerative.neighbor_search import ProductView
from runner.cluster.graph.neighbors import nearest_neighbors
from runner.errors import RunnerError, UsageError

COMBINATIONS = [
    ("ward", "euclidean"),
    ("average", "cosine"),
    ("average", "euclidean"),
    ("complete", "cosine"),
    ("complete", "euclidean"),
]
REDUCIBLE = COMBINATIONS[:2]


@pytest.fixture(scope="module", autouse=True)
def _searches_down_to_few_clusters() -> Iterator[None]:
    """Few vectors too take the path of many, and only the last clusters that of the distance matrix."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reducible_module, "MATRIX_LIMIT", 5)
        yield


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def noise(n: int) -> np.ndarray:
    """No structure at all, where lists of neighbours last the shortest."""
    return np.random.default_rng(0).standard_normal((n, 40)).astype(np.float32)


def cone(n: int) -> np.ndarray:
    """Unit vectors around one direction, with hubs that are many others' nearest."""
    return unit(np.random.default_rng(1).standard_normal((n, 60)) + 2)


def blobs(n: int) -> np.ndarray:
    return make_blobs(n, 12, centers=25, cluster_std=2.0, random_state=2)[0].astype(np.float32)


def heavy_tails(n: int) -> np.ndarray:
    return np.random.default_rng(3).standard_t(1.5, (n, 8)).astype(np.float32)


def digits(n: int) -> np.ndarray:
    """Real images; the shift breaks the ties of whole numbers."""
    return (load_digits().data[:n] + np.random.default_rng(4).uniform(0, 0.01, (n, 64))).astype(np.float32)


def reference(vectors: np.ndarray, method: str, metric: str) -> np.ndarray:
    return linkage(np.asarray(vectors, dtype=np.float64), method, metric)


def assert_same_tree(merges: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(merges[:, 2], expected[:, 2], rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(merges[:, 3], expected[:, 3])
    for k in {2, 3, 10, len(merges) // 10 + 1, len(merges) // 2 + 1}:
        if k <= len(merges):
            assert adjusted_rand_score(cut_linkage(merges, k), fcluster(expected, k, "maxclust")) == 1.0


@pytest.mark.parametrize("data", [noise, cone, blobs, heavy_tails, digits])
@pytest.mark.parametrize(("method", "metric"), COMBINATIONS)
def test_same_tree_as_scipy(data: Callable[[int], np.ndarray], method: str, metric: str) -> None:
    vectors = data(900)
    result = agglomerative_linkage(vectors, method, metric)
    assert not result.approximate
    assert_same_tree(result.merges, reference(vectors, method, metric))


@pytest.mark.parametrize(("method", "metric"), REDUCIBLE)
def test_same_tree_as_scipy_where_searches_take_several_blocks(
    monkeypatch: pytest.MonkeyPatch, method: str, metric: str
) -> None:
    monkeypatch.setattr(reducible_module, "MATRIX_LIMIT", 1024)
    vectors = np.concatenate([cone(3000), unit(noise(2000) @ np.random.default_rng(5).standard_normal((40, 60)))])
    assert_same_tree(agglomerative_linkage(vectors, method, metric).merges, reference(vectors, method, metric))


@pytest.mark.parametrize("k", [1, 6, 50])
@pytest.mark.parametrize(("method", "metric"), [*REDUCIBLE, ("ward", "cosine")])
def test_given_neighbors_change_nothing(method: str, metric: str, k: int) -> None:
    vectors = cone(700)
    vectors[600:] = vectors[:100]
    given_neighbors = agglomerative_linkage(vectors, method, metric, nearest_neighbors(vectors, k)).merges
    without = agglomerative_linkage(vectors, method, metric).merges
    np.testing.assert_allclose(given_neighbors, without, rtol=1e-6)


def test_given_neighbors_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[int] = []
    search = reducible_module.search
    monkeypatch.setattr(reducible_module, "search", lambda *args: searched.append(len(args[1])) or search(*args))
    vectors = blobs(800)
    vectors[7] = 1e5  # far off, which must not make the other vectors' neighbours uncertain
    ward_linkage(vectors)
    assert searched[0] == 800
    searched.clear()
    ward_linkage(vectors, nearest_neighbors(vectors, 30))
    assert max(searched) < 400


@pytest.mark.parametrize("k", [2, 7, 60])
@pytest.mark.parametrize(("method", "metric"), COMBINATIONS)
def test_cuts_agree_with_sklearn(method: str, metric: str, k: int) -> None:
    vectors = cone(400)
    expected = AgglomerativeClustering(k, metric=metric, linkage=method).fit_predict(vectors)
    assert adjusted_rand_score(cut_linkage(agglomerative_linkage(vectors, method, metric).merges, k), expected) == 1.0


@pytest.mark.parametrize(("method", "metric"), COMBINATIONS)
@pytest.mark.parametrize("spread", [1e-3, 1e-5])
def test_tight_clusters_far_from_each_other(method: str, metric: str, spread: float) -> None:
    """Their inner distances are smaller than what float32 loses of a product of their vectors."""
    rng = np.random.default_rng(6)
    vectors = unit(rng.standard_normal((12, 30)))[rng.integers(0, 12, 500)] + spread * rng.standard_normal((500, 30))
    merges = agglomerative_linkage(vectors, method, metric).merges
    expected = reference(vectors, method, metric)
    # Cosine distances near 1e-10 are differences of numbers near 1, by scipy as well.
    np.testing.assert_allclose(merges[:, 2], expected[:, 2], rtol=1e-8, atol=1e-14)
    for k in (5, 12, 13, 40, 200):
        labels = cut_linkage(merges, k)
        same = adjusted_rand_score(labels, fcluster(expected, k, "maxclust"))
        assert same == 1.0 if metric == "euclidean" or spread == 1e-3 else same > 0.99


def test_float64_decides_where_float32_can_not(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[ProductView] = []
    search = reducible_module.search
    monkeypatch.setattr(reducible_module, "search", lambda view, *rest: searched.append(view) or search(view, *rest))
    rng = np.random.default_rng(8)
    vectors = unit(rng.standard_normal((4, 30)))[rng.integers(0, 4, 400)] + 1e-6 * rng.standard_normal((400, 30))
    ward_linkage(vectors)
    assert {view.vectors.dtype.name for view in searched} == {"float32", "float64"}


def test_far_from_the_origin() -> None:
    vectors = blobs(300).astype(np.float64) + 1e6
    assert_same_tree(ward_linkage(vectors), reference(vectors, "ward", "euclidean"))


@pytest.mark.parametrize(("method", "metric"), [*COMBINATIONS, ("ward", "cosine")])
@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_few_vectors(method: str, metric: str, n: int) -> None:
    vectors = cone(n)
    merges = agglomerative_linkage(vectors, method, metric).merges
    assert merges.shape == (n - 1, 4)
    assert merges.dtype == np.float64
    if n > 1:
        np.testing.assert_allclose(
            merges, reference(vectors, method, "euclidean" if method == "ward" else metric), rtol=1e-6
        )


@pytest.mark.parametrize(("method", "metric"), COMBINATIONS)
def test_identical_vectors(method: str, metric: str) -> None:
    vectors = np.repeat(cone(1), 300, axis=0)
    merges = agglomerative_linkage(vectors, method, metric).merges
    np.testing.assert_allclose(merges[:, 2], 0, atol=1e-12)
    for k in (1, 2, 150, 300):
        assert len(np.unique(cut_linkage(merges, k))) == k


@pytest.mark.parametrize(("method", "metric"), COMBINATIONS)
def test_duplicates(method: str, metric: str) -> None:
    vectors = cone(150)[np.random.default_rng(7).integers(0, 150, 600)]
    n_different = len(np.unique(vectors, axis=0))
    merges = agglomerative_linkage(vectors, method, metric).merges
    expected = reference(vectors, method, metric)
    np.testing.assert_allclose(merges[:, 2], expected[:, 2], rtol=1e-9, atol=1e-12)
    for k in (2, 20, n_different):
        assert adjusted_rand_score(cut_linkage(merges, k), fcluster(expected, k, "maxclust")) == 1.0


@pytest.mark.parametrize(("method", "metric"), COMBINATIONS)
def test_read_only_memory_map(tmp_path: Path, method: str, metric: str) -> None:
    np.save(tmp_path / "vectors.npy", cone(200))
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    np.testing.assert_array_equal(
        agglomerative_linkage(mapped, method, metric).merges, agglomerative_linkage(cone(200), method, metric).merges
    )
    np.testing.assert_array_equal(mapped, cone(200))


def assert_greedy(vectors: np.ndarray, merges: np.ndarray, method: str, metric: str) -> None:
    """Each merge joins two clusters that are nearest of all at that time, whichever of several ties that is."""
    n = len(vectors)
    distances = cdist(vectors.astype(np.float64), vectors.astype(np.float64), metric)
    if method == "ward":
        distances **= 2
    np.fill_diagonal(distances, np.inf)
    places, sizes = {row: row for row in range(n)}, np.ones(n)
    for step, (first, second, height, size) in enumerate(merges):
        one, other = places.pop(int(first)), places.pop(int(second))
        between = distances[one, other]
        assert between == pytest.approx(distances.min(), abs=1e-6)
        assert height == pytest.approx(np.sqrt(between) if method == "ward" else between, abs=1e-5)
        a, b = sizes[one], sizes[other]
        if method == "average":
            joined = (a * distances[one] + b * distances[other]) / (a + b)
        elif method == "complete":
            joined = np.maximum(distances[one], distances[other])
        else:
            joined = ((a + sizes) * distances[one] + (b + sizes) * distances[other] - sizes * between) / (a + b + sizes)
        joined[[one, other]] = np.inf
        distances[one] = distances[:, one] = joined
        distances[other] = distances[:, other] = np.inf
        sizes[one] = a + b
        assert sizes[one] == size
        places[n + step] = one


@pytest.mark.parametrize(("method", "metric"), COMBINATIONS)
@settings(max_examples=25, deadline=None)
@given(vectors=arrays(np.float32, st.tuples(st.integers(1, 30), st.just(2)), elements=st.integers(1, 5)))
def test_ties_are_broken_one_way_or_another(method: str, metric: str, vectors: np.ndarray) -> None:
    assert_greedy(vectors, agglomerative_linkage(vectors, method, metric).merges, method, metric)


@pytest.mark.parametrize(("method", "metric"), REDUCIBLE)
@pytest.mark.parametrize("vectors", [np.eye(100), np.stack(np.meshgrid(*[np.arange(1.0, 7.0)] * 3), -1).reshape(-1, 3)])
def test_more_ties_than_a_list_of_candidates_holds(method: str, metric: str, vectors: np.ndarray) -> None:
    assert_greedy(vectors, agglomerative_linkage(vectors, method, metric).merges, method, metric)


@settings(max_examples=40, deadline=None)
@given(
    vectors=arrays(
        np.float32,
        st.tuples(st.integers(2, 60), st.integers(1, 5)),
        elements=st.floats(-100, 100, width=32),
    ),
    data=st.data(),
)
def test_cuts_have_the_asked_number_of_clusters_and_are_nested(vectors: np.ndarray, data: st.DataObject) -> None:
    merges = ward_linkage(vectors)
    k = data.draw(st.integers(1, len(vectors) - 1))
    coarse, fine = cut_linkage(merges, k), cut_linkage(merges, k + 1)
    assert len(np.unique(coarse)) == k
    assert len(np.unique(fine)) == k + 1
    assert len(np.unique(np.column_stack([coarse, fine]), axis=0)) == k + 1
    assert (np.diff(merges[:, 2]) >= 0).all()


def test_labels_are_numbered_by_first_appearance() -> None:
    vectors = np.array([[9.0], [0.0], [9.1], [5.0], [0.1]], dtype=np.float32)
    labels = cut_linkage(ward_linkage(vectors), 3)
    assert labels.dtype == np.int32
    assert labels.tolist() == [0, 1, 0, 2, 1]


@pytest.mark.parametrize("n_clusters", [0, -1, 5])
def test_impossible_numbers_of_clusters_are_refused(n_clusters: int) -> None:
    with pytest.raises(UsageError, match=f"between 1 and the number of vectors .4., got {n_clusters}"):
        cut_linkage(ward_linkage(cone(4)), n_clusters)


@pytest.mark.parametrize(("linkage_name", "metric"), [("single", "cosine"), ("ward", "manhattan"), ("", "cosine")])
def test_unknown_names_are_refused(linkage_name: str, metric: str) -> None:
    with pytest.raises(UsageError, match="must be one of"):
        agglomerative_linkage(cone(4), linkage_name, metric)


@pytest.mark.parametrize(("method", "metric"), COMBINATIONS)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(method: str, metric: str, value: float) -> None:
    vectors = cone(10)
    vectors[7, 3] = value
    with pytest.raises(RunnerError, match="vector 7 "):
        agglomerative_linkage(vectors, method, metric)


@pytest.mark.parametrize("method", ["ward", "average", "complete"])
def test_zero_vectors_have_no_cosine(method: str) -> None:
    vectors = cone(10)
    vectors[4] = 0
    with pytest.raises(RunnerError, match="vector 4 is zero"):
        agglomerative_linkage(vectors, method, "cosine")


def test_no_vectors_are_refused() -> None:
    with pytest.raises(RunnerError, match=r"shape \(0, 5\)"):
        average_linkage_cosine(np.zeros((0, 5), dtype=np.float32))


@pytest.mark.parametrize(("method", "metric"), COMBINATIONS[2:])
def test_micro_clusters_of_one_vector_give_the_exact_tree(method: str, metric: str) -> None:
    vectors = cone(300)
    exact = matrix_linkage(vectors, method, metric)
    approximate = matrix_linkage(vectors, method, metric, limit=10, n_micro_clusters=300)
    assert approximate.approximate
    assert not exact.approximate
    np.testing.assert_allclose(approximate.merges[:, 2], exact.merges[:, 2], rtol=1e-4)
    for k in (2, 10, 100):
        assert adjusted_rand_score(cut_linkage(approximate.merges, k), cut_linkage(exact.merges, k)) == 1.0


@pytest.mark.parametrize(("method", "metric"), COMBINATIONS[2:])
def test_micro_clusters_are_merged_by_the_linkage_of_their_vectors(method: str, metric: str) -> None:
    vectors = blobs(2500) if metric == "euclidean" else cone(2500)
    merges = matrix_linkage(vectors, method, metric, limit=10, n_micro_clusters=25).merges
    ward = cut_linkage(agglomerative_linkage(vectors, "ward", metric).merges, 25)
    assert adjusted_rand_score(cut_linkage(merges, 25), ward) == 1.0
    assert (np.diff(merges[:, 2]) >= 0).all()
    distances = cdist(vectors.astype(np.float64), vectors.astype(np.float64), metric)
    summary = np.mean if method == "average" else np.max
    clusters = [np.flatnonzero(ward == label) for label in range(25)]
    for height in merges[-24:, 2]:
        costs = np.array([[summary(distances[np.ix_(a, b)]) for b in clusters] for a in clusters])
        np.fill_diagonal(costs, np.inf)
        one, other = np.unravel_index(costs.argmin(), costs.shape)
        assert height == pytest.approx(costs.min(), rel=1e-3)
        joined = np.concatenate([clusters[one], clusters[other]])
        clusters = [c for place, c in enumerate(clusters) if place not in (one, other)] + [joined]
        labels = cut_linkage(merges, len(clusters))
        assert all(len(np.unique(labels[cluster])) == 1 for cluster in clusters)


def test_condensed_distances_have_scipys_layout() -> None:
    from runner.cluster.agglomerative.distance_matrix import condensed_distances

    vectors = blobs(600).astype(np.float64)
    np.testing.assert_allclose(squareform(condensed_distances(vectors, True)), cdist(vectors, vectors), atol=1e-9)
