"""Cuts of the shared tree give the partitions of the reference libraries."""

from __future__ import annotations

import numpy as np
import pytest
from hdbscan.hdbscan_ import _tree_to_labels
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.cluster import DBSCAN
from sklearn.metrics import adjusted_rand_score

from runner.cluster.graph.cuts import (
    dbscan_labels,
    hdbscan_labels,
    lowest_inner_similarities,
    relabel_by_size,
    threshold_labels,
)
from runner.cluster.graph.neighbors import Neighbors, nearest_neighbors
from runner.cluster.graph.single_linkage import SpanningTree, dendrogram, prim
from runner.cluster.graph.spanning_tree import mutual_reachability_tree, reweighted_tree
from tests.cluster.hdbscan_package import fitted
from tests.cluster.vectors import clustered_vectors, unit

LARGEST = 20


@pytest.fixture(scope="module")
def shared() -> tuple[np.ndarray, Neighbors, SpanningTree]:
    vectors = unit(clustered_vectors(900, 40, n_clusters=25, spread=0.9, seed=7))
    graph = nearest_neighbors(vectors, LARGEST)
    return vectors, graph, mutual_reachability_tree(vectors, graph, LARGEST)


@pytest.mark.parametrize("min_samples", [1, 2, 5, 20])
def test_hdbscan_partitions_are_identical(shared, min_samples: int) -> None:  # type: ignore[no-untyped-def]
    vectors, graph, largest = shared
    merges = dendrogram(reweighted_tree(vectors, graph, largest, min_samples))
    reference = fitted(vectors, min_samples)
    for min_cluster_size in (2, 5, 12, 40):
        for method in ("eom", "leaf"):
            for epsilon in (0.0, 0.55, 0.9):
                # the package's own labelling of its own tree: as fitting anew, but the tree is not computed again
                expected = _tree_to_labels(
                    None, reference.single_linkage_tree_._linkage, min_cluster_size, method, False, False, epsilon
                )[0]
                labels = hdbscan_labels(merges, min_cluster_size, epsilon, method)  # type: ignore[arg-type]
                assert adjusted_rand_score(expected, labels) == 1.0, (min_cluster_size, method, epsilon)
                assert np.array_equal(expected < 0, labels < 0)
    assert np.array_equal(relabel_by_size(reference.labels_), hdbscan_labels(merges, 5))


def test_edges_of_equal_weight_stay_in_the_order_in_which_the_tree_grew() -> None:
    """Of 40 rows on a line, each as far from the next; an unstable sort reorders more than 16 equal values."""
    edges = np.column_stack([np.arange(39), np.arange(1, 40)]).astype(np.int32)
    lengths = np.where(np.arange(39) % 3 == 0, 2.0, 1.0)
    tree = prim(edges, lengths, np.zeros(40))
    order = np.concatenate([np.flatnonzero(lengths == 1.0), np.flatnonzero(lengths == 2.0)])
    assert tree.edges.tolist() == edges[order].tolist()


@pytest.mark.parametrize("min_samples", [1, 2, 3, 8, 21])
@pytest.mark.parametrize("eps", [1e-6, 0.05, 0.15, 0.3, 0.6])
def test_dbscan_core_and_noise_sets_are_identical(shared, min_samples: int, eps: float) -> None:  # type: ignore[no-untyped-def]
    vectors, graph, largest = shared
    tree = reweighted_tree(vectors, graph, largest, max(min_samples - 1, 1))
    distance = float(np.sqrt(2 * eps))
    labels = dbscan_labels(tree, graph, distance, min_samples)
    reference = DBSCAN(eps=distance, min_samples=min_samples).fit(vectors.astype(np.float64))
    assert np.array_equal(labels < 0, reference.labels_ < 0)
    core = reference.core_sample_indices_
    assert np.array_equal(relabel_by_size(labels[core]), relabel_by_size(reference.labels_[core]))


@pytest.mark.parametrize("similarity", [0.99, 0.8, 0.6, 0.4, 0.1])
def test_threshold_is_single_linkage(shared, similarity: float) -> None:  # type: ignore[no-untyped-def]
    vectors, graph, largest = shared
    distance = float(np.sqrt(2 - 2 * similarity))
    labels = threshold_labels(reweighted_tree(vectors, graph, largest, 1), distance)
    groups = fcluster(linkage(vectors.astype(np.float64), "single"), distance, "distance")
    alone = np.bincount(groups)[groups] == 1
    assert np.array_equal(labels, relabel_by_size(np.where(alone, -1, groups)))
    for cluster, lowest in enumerate(lowest_inner_similarities(vectors, labels)):
        members = vectors[labels == cluster]
        assert lowest == pytest.approx(float((members @ members.T).min()), abs=1e-6)


def test_identical_rows_are_one_cluster() -> None:
    vectors = np.ones((20, 4), dtype=np.float32) / 2
    graph = nearest_neighbors(vectors, 10)
    tree = mutual_reachability_tree(vectors, graph, 10)
    assert threshold_labels(tree, 0.0).tolist() == [0] * 20
    assert dbscan_labels(tree, graph, 0.0, 5).tolist() == [0] * 20
    assert set(hdbscan_labels(dendrogram(tree), 5).tolist()) == {-1}  # one cluster is none, as in hdbscan


def test_duplicates_among_others() -> None:
    vectors = np.concatenate([np.repeat(clustered_vectors(6, 8, seed=1), 10, axis=0), clustered_vectors(30, 8, seed=2)])
    graph = nearest_neighbors(vectors, 8)
    merges = dendrogram(reweighted_tree(vectors, graph, mutual_reachability_tree(vectors, graph, 8), 5))
    labels = hdbscan_labels(merges, 5)
    assert labels.max() == 5
    assert all(len(set(labels[start : start + 10])) == 1 for start in range(0, 60, 10))


def test_the_largest_cluster_comes_first() -> None:
    assert relabel_by_size(np.array([7, 3, -5, 3, 9, 9, 7])).tolist() == [0, 1, -1, 1, 2, 2, 0]
    assert relabel_by_size(np.array([4, 2, 2])).tolist() == [1, 0, 0]
    assert relabel_by_size(np.array([-1, -1])).tolist() == [-1, -1]


@pytest.mark.parametrize("min_samples", [4, 9])
def test_hdbscan_of_copies_is_the_packages_up_to_ties(min_samples: int) -> None:
    different = unit(clustered_vectors(300, 12, n_clusters=9, seed=4))
    vectors = different[np.random.default_rng(0).permutation(np.concatenate([np.arange(300), *[np.arange(90)] * 3]))]
    graph = nearest_neighbors(vectors, 12)
    merges = dendrogram(reweighted_tree(vectors, graph, mutual_reachability_tree(vectors, graph, 12), min_samples))
    reference = fitted(vectors, min_samples)
    np.testing.assert_allclose(merges[:, 2], reference.single_linkage_tree_._linkage[:, 2], rtol=1e-6)
    kinds = np.unique(vectors, axis=0, return_inverse=True)[1]
    for min_cluster_size in (3, 8, 20):
        for method in ("eom", "leaf"):
            # the package's labelling of our tree, in which equal rows are joined first
            expected = _tree_to_labels(None, merges, min_cluster_size, method, False, False, 0.0)[0]
            labels = hdbscan_labels(merges, min_cluster_size, 0.0, method)  # type: ignore[arg-type]
            assert np.array_equal(relabel_by_size(expected), labels), (min_cluster_size, method)
            assert len(np.unique(np.column_stack([kinds, labels]), axis=0)) == 300
