"""Partitions rest on nothing that another processor, library, block size or number of threads changes.

The campaign of ``tests/perturbation`` repeats this on many more data.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest

from runner.cluster.distinct_rows import distinct_rows
from runner.cluster.graph.neighbors import nearest_neighbors
from runner.cluster.graph.spanning_tree import mutual_reachability_tree
from runner.cluster.kmeans.lloyd import kmeans
from tests.perturbation.partitions import SETTINGS, of_kinds, partitions
from tests.perturbation.perturbations import (
    arranged,
    as_they_are,
    blocks_of,
    last_bits_shifted,
    lattice,
    searched_by_bounds,
    threads,
    with_many_copies,
)

PERTURBATIONS = {
    "copies elsewhere": as_they_are,
    "last bits": last_bits_shifted,
    "small blocks": lambda: blocks_of(48),
    "one thread": lambda: threads(1),
    "two threads": lambda: threads(2),
}


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[np.ndarray]:
    vectors, numbers = arranged(*with_many_copies(300, 16, seed=0), seed=0)
    found = partitions(vectors, tmp_path_factory.mktemp("expected") / "here")
    return [of_kinds(labels, numbers) for labels in found]


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_partitions_stay_the_same(name: str, expected: list[np.ndarray], tmp_path: Path) -> None:
    perturbation: AbstractContextManager[None] = PERTURBATIONS[name]()
    vectors, numbers = arranged(*with_many_copies(300, 16, seed=0), seed=1)
    with perturbation:
        found = partitions(vectors, tmp_path / "here")
    for setting, labels, kinds in zip(SETTINGS, found, expected, strict=True):
        assert np.array_equal(of_kinds(labels, numbers), kinds), setting
    assert all(len(np.unique(kinds)) > 1 for kinds in expected)


def test_bounds_and_searches_give_the_same(expected: list[np.ndarray], tmp_path: Path) -> None:
    vectors, numbers = arranged(*with_many_copies(300, 16, seed=0), seed=2)
    with searched_by_bounds(), last_bits_shifted(), blocks_of(48):
        found = partitions(vectors, tmp_path / "here")
    for setting, labels, kinds in zip(SETTINGS, found, expected, strict=True):
        assert np.array_equal(of_kinds(labels, numbers), kinds), setting


@pytest.mark.parametrize("data", [with_many_copies(200, 12, 3), lattice(5, 3, 0)], ids=["copies", "ties"])
@pytest.mark.parametrize("k", [1, 7, 30])
def test_neighbours_and_tree(data: tuple[np.ndarray, np.ndarray], k: int) -> None:
    vectors, _ = arranged(*data, seed=0)
    graph = nearest_neighbors(vectors, k)
    tree = mutual_reachability_tree(vectors, graph, k)
    exact = np.linalg.norm(vectors[:, None].astype(np.float64) - vectors, axis=2)
    np.fill_diagonal(exact, np.inf)
    order = np.lexsort((np.broadcast_to(np.arange(len(vectors)), exact.shape), exact), axis=1)[:, :k]
    ties_by_rounding = graph.distances != np.take_along_axis(exact, graph.indices, 1)
    assert ties_by_rounding.any() or np.array_equal(graph.indices, order)
    for perturbation in (last_bits_shifted, lambda: blocks_of(32), lambda: threads(1)):
        with perturbation():
            again = nearest_neighbors(vectors, k)
            tree_again = mutual_reachability_tree(vectors, again, k)
        np.testing.assert_array_equal(again.indices, graph.indices)
        np.testing.assert_array_equal(again.distances, graph.distances)
        np.testing.assert_array_equal(tree_again.edges, tree.edges)
        np.testing.assert_array_equal(tree_again.weights, tree.weights)


def test_more_copies_than_spare_candidates() -> None:
    vectors = np.repeat(np.eye(4, dtype=np.float32), 60, axis=0)
    found = nearest_neighbors(vectors, 9)
    for row in (0, 7, 100, 239):
        copies = [other for other in range(row // 60 * 60, row // 60 * 60 + 60) if other != row]
        assert found.indices[row].tolist() == copies[:9]
    assert not found.distances.any()


@pytest.mark.parametrize("shifts", range(4))
def test_kmeans_of_a_grid(shifts: int) -> None:
    """Nearly every point is as near to two centres."""
    vectors, numbers = arranged(*lattice(6, 2, 1), seed=0)
    start = distinct_rows(vectors).of(vectors)[:7]
    expected = kmeans(vectors, start)
    with last_bits_shifted(shifts), blocks_of(16):
        found = kmeans(vectors, start)
    np.testing.assert_array_equal(found.labels, expected.labels)
    assert found.n_iter == expected.n_iter
    of_kinds(found.labels, numbers)
