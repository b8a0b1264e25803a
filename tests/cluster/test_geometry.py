"""The shared geometry is exact: neighbours, spanning trees, and what is cut from them."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import cophenet, linkage
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial.distance import pdist, squareform
from sklearn.neighbors import NearestNeighbors

from runner.cluster import tiles as products
from runner.cluster.geometry import SCORED_NEIGHBORS, build_geometry, open_geometry
from runner.cluster.graph import neighbors as neighbors_module
from runner.cluster.graph import spanning_tree
from runner.cluster.graph.neighbors import nearest_neighbors
from runner.cluster.graph.single_linkage import cut, dendrogram, leaf_order, minimum_spanning_forest
from runner.cluster.graph.spanning_tree import mutual_reachability_tree, reweighted_tree
from runner.cluster.spaces import Space
from runner.score.neighbor_information import NEIGHBORHOODS
from runner.utils.checked_files import write_checked
from tests.cluster.vectors import clustered_vectors, unit


@pytest.fixture
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiles so small that a few hundred rows need many of them."""
    monkeypatch.setattr(products, "TILE", 64)
    monkeypatch.setattr(products.blocks, "__defaults__", (64,))


def reachability(vectors: np.ndarray, min_samples: int) -> np.ndarray:
    distances = squareform(pdist(vectors.astype(np.float64)))
    core = np.sort(distances, axis=1)[:, min_samples]
    return np.maximum(distances, np.maximum(core[:, None], core[None, :]))


def reference_weights(vectors: np.ndarray, min_samples: int) -> np.ndarray:
    raised = reachability(vectors, min_samples) + 1  # as scipy takes zero for "no edge"
    return np.sort(minimum_spanning_tree(raised).data) - 1


@pytest.mark.parametrize(("n", "dimension", "k"), [(2, 3, 1), (7, 5, 6), (500, 16, 10), (700, 200, 30)])
def test_neighbors_are_those_of_brute_force(small_tiles: None, n: int, dimension: int, k: int) -> None:
    vectors = clustered_vectors(n, dimension, seed=n)
    found = nearest_neighbors(vectors, k)
    reference = NearestNeighbors(n_neighbors=k + 1, algorithm="brute").fit(vectors.astype(np.float64))
    distances, indices = reference.kneighbors(vectors.astype(np.float64))
    np.testing.assert_array_equal(found.indices, indices[:, 1:])
    np.testing.assert_allclose(found.distances, distances[:, 1:], atol=1e-7)
    assert found.indices.dtype == np.int32


def test_near_duplicates_keep_their_tiny_distances() -> None:
    vectors = clustered_vectors(300, 64, seed=3)
    vectors[1] = vectors[0]
    vectors[1, 0] += 1e-5  # a distance that a float32 product rounds away
    found = nearest_neighbors(vectors, 5)
    assert found.indices[0, 0] == 1
    np.testing.assert_allclose(found.distances[0, 0], abs(float(vectors[1, 0]) - float(vectors[0, 0])), rtol=1e-6)


def test_the_accelerator_code_finds_the_same(small_tiles: None) -> None:
    vectors = clustered_vectors(500, 24, seed=5)
    quiet = products.silent
    expected = nearest_neighbors(vectors, 8)
    by_torch = neighbors_module._candidates_torch(vectors, 8, "cpu", quiet)
    assert [set(row) for row in by_torch] == [set(row) for row in expected.indices]
    squares = neighbors_module.squared_norms(vectors)
    limits = np.quantile(pdist(vectors) ** 2, [0.01, 0.05]).astype(np.float32)
    tile = torch.from_numpy(vectors[:200] @ vectors[200:].T)
    row_limits, column_limits = np.full(200, limits[0]), np.full(300, limits[1])
    on_cpu = spanning_tree._close_pairs(tile, squares[:200], squares[200:], row_limits, column_limits)
    meta = spanning_tree._close_pairs_torch(tile, squares[:200], squares[200:], row_limits, column_limits)
    np.testing.assert_array_equal(on_cpu, meta)
    assert len(on_cpu)


@pytest.mark.parametrize("min_samples", [1, 2, 5, 12])
@pytest.mark.parametrize("shape", ["clusters", "far apart", "duplicates", "line"])
def test_tree_is_a_minimum_spanning_tree(small_tiles: None, shape: str, min_samples: int) -> None:
    vectors = {
        "clusters": clustered_vectors(400, 12, seed=1),
        "far apart": np.concatenate([clustered_vectors(90, 6, seed=s) + 50 * s for s in range(4)]).astype(np.float32),
        "duplicates": np.repeat(clustered_vectors(60, 6, seed=2), 5, axis=0),
        "line": np.linspace(0, 1, 300, dtype=np.float32)[:, None] ** 2,
    }[shape]
    graph = nearest_neighbors(vectors, 12)
    largest = mutual_reachability_tree(vectors, graph, 12)
    tree = reweighted_tree(vectors, graph, largest, min_samples)
    assert tree.edges.shape == (len(vectors) - 1, 2)
    total = reachability(vectors, min_samples)[tree.edges[:, 0], tree.edges[:, 1]]
    np.testing.assert_allclose(tree.weights, total, atol=2e-6)
    np.testing.assert_allclose(tree.weights, reference_weights(vectors, min_samples), atol=1e-6)
    assert np.all(np.diff(tree.weights) >= 0)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(3, 60), min_samples=st.integers(1, 6))
def test_tree_weights_on_random_rows(seed: int, n: int, min_samples: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(n, 3)).astype(np.float32)
    k = min(6, n - 1)
    graph = nearest_neighbors(vectors, k)
    tree = reweighted_tree(vectors, graph, mutual_reachability_tree(vectors, graph, k), min(min_samples, k))
    np.testing.assert_allclose(tree.weights, reference_weights(vectors, min(min_samples, k)), rtol=1e-6)


def test_dendrogram_and_leaf_order_agree_with_scipy() -> None:
    vectors = clustered_vectors(200, 8, seed=9)
    graph = nearest_neighbors(vectors, 10)
    tree = reweighted_tree(vectors, graph, mutual_reachability_tree(vectors, graph, 10), 1)
    reference = linkage(vectors.astype(np.float64), "single")
    np.testing.assert_allclose(dendrogram(tree)[:, 2:], reference[:, 2:], rtol=1e-6)
    order, gaps = leaf_order(tree, len(vectors))
    heights = squareform(cophenet(reference))
    for first in range(0, 190, 17):
        for last in range(first + 1, 200, 23):
            np.testing.assert_allclose(gaps[first:last].max(), heights[order[first], order[last]], rtol=1e-6)


def test_cut_components() -> None:
    vectors = np.array([[0.0], [1.0], [1.5], [9.0]], dtype=np.float32)
    graph = nearest_neighbors(vectors, 3)
    tree = mutual_reachability_tree(vectors, graph, 1)
    assert cut(tree, 0.4).tolist() == [0, 1, 2, 3]
    assert cut(tree, 0.5).tolist() == [0, 1, 1, 2]
    assert cut(tree, 1.0).tolist() == [0, 0, 0, 1]
    assert cut(tree, 100).tolist() == [0, 0, 0, 0]


def test_geometry_is_built_once_and_found_again(tmp_path) -> None:  # type: ignore[no-untyped-def]
    vectors = unit(clustered_vectors(80, 10, seed=4))
    np.save(tmp_path / "vectors.npy", vectors)
    arguments = {"unit_vectors_path": tmp_path / "vectors.npy", "base": None, "seed": 0}
    geometry = build_geometry(tmp_path / "g", Space.parse("none"), min_samples=10, **arguments)  # type: ignore[arg-type]
    written = (tmp_path / "g" / "neighbor_indices.npy").stat().st_mtime_ns
    again = build_geometry(tmp_path / "g", Space.parse("none"), min_samples=5, **arguments)  # type: ignore[arg-type]
    assert (tmp_path / "g" / "neighbor_indices.npy").stat().st_mtime_ns == written
    assert again.neighbors.k == geometry.neighbors.k == SCORED_NEIGHBORS >= NEIGHBORHOODS[-1]
    wider = build_geometry(tmp_path / "g", Space.parse("none"), min_samples=40, **arguments)  # type: ignore[arg-type]
    assert wider.neighbors.k == 40
    np.testing.assert_allclose(open_geometry(tmp_path / "g").tree(3).weights, reference_weights(vectors, 3), rtol=1e-6)


@pytest.mark.parametrize("name", ["pca:3", "umap:2"])
@pytest.mark.parametrize("n", [2, 3, 5, 40])
def test_spaces_of_any_size(tmp_path, name: str, n: int) -> None:  # type: ignore[no-untyped-def]
    np.save(tmp_path / "vectors.npy", unit(clustered_vectors(n, 6, seed=n)))
    base = build_geometry(
        tmp_path / "base", Space.parse("none"), tmp_path / "vectors.npy", base=None, min_samples=5, seed=0
    )
    space = build_geometry(
        tmp_path / "space", Space.parse(name), tmp_path / "vectors.npy", base=base, min_samples=5, seed=0
    )
    assert space.vectors.shape[0] == n
    assert np.isfinite(space.vectors).all()
    assert space.metric == "euclidean"


def test_what_two_processes_prepare_is_computed_once(tmp_path) -> None:  # type: ignore[no-untyped-def]
    np.save(tmp_path / "vectors.npy", clustered_vectors(50, 4, seed=0))
    geometry = build_geometry(
        tmp_path / "none", Space.parse("none"), tmp_path / "vectors.npy", base=None, min_samples=5, seed=0
    )
    calls = []

    def compute() -> np.ndarray:
        calls.append(time.sleep(0.2))
        return np.arange(3)

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: geometry.prepared("slow", compute), range(4)))
    assert len(calls) == 1 and all(np.array_equal(array, np.arange(3)) for array in found)


def test_a_geometry_of_an_earlier_revision_is_computed_again(tmp_path) -> None:  # type: ignore[no-untyped-def]
    np.save(tmp_path / "vectors.npy", clustered_vectors(50, 4, seed=0))
    marker, derived = tmp_path / "none" / "geometry.json", tmp_path / "none" / "agglomerative-ward.npy"

    def build() -> None:
        build_geometry(
            tmp_path / "none", Space.parse("none"), tmp_path / "vectors.npy", base=None, min_samples=5, seed=0
        )

    build()
    facts = json.loads(marker.read_text())
    del facts["revision"]
    write_checked(derived, b"of the earlier revision")
    build()
    assert derived.exists()
    write_checked(marker, json.dumps(facts).encode())
    build()
    assert not derived.exists() and "revision" in json.loads(marker.read_text())


@pytest.mark.parametrize("order", [1, -1])
def test_ties_of_edges_are_broken_by_rows_whatever_their_order(order: int) -> None:
    edges = np.array([[3, 2], [1, 0], [2, 0], [1, 2], [3, 0]], dtype=np.int32)[::order]
    tree = minimum_spanning_forest(edges, np.ones(5), 4)
    assert np.sort(tree.edges, axis=1).tolist() == [[0, 1], [0, 2], [0, 3]]


def test_equal_rows_are_equal_in_principal_components(tmp_path) -> None:  # type: ignore[no-untyped-def]
    different = unit(clustered_vectors(300, 40, seed=1))
    np.save(tmp_path / "vectors.npy", np.concatenate([different, different[::3], different[:17]]))
    base = build_geometry(
        tmp_path / "none", Space.parse("none"), tmp_path / "vectors.npy", base=None, min_samples=5, seed=0
    )
    space = build_geometry(
        tmp_path / "pca", Space.parse("pca:7"), tmp_path / "vectors.npy", base=base, min_samples=0, seed=0
    )
    projected = np.asarray(space.vectors)
    np.testing.assert_array_equal(projected[300:], np.concatenate([projected[:300:3], projected[:17]]))
