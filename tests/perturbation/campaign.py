"""The same partitions under every perturbation, on many data: some ten minutes.

Run by its path, ``python -m pytest tests/perturbation/campaign.py``; ``SEEDS=40`` draws more data than the usual ten.
"""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import numpy as np
import pytest

from runner.cluster.graph.approximate_neighbors import two_stage_geometry
from runner.cluster.graph.neighbors import nearest_neighbors
from runner.cluster.graph.single_linkage import SpanningTree
from runner.cluster.graph.spanning_tree import mutual_reachability_tree
from tests.cluster.vectors import clustered_vectors
from tests.perturbation.partitions import SETTINGS, Setting, of_kinds, partitions
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

SEEDS = range(int(os.environ.get("SEEDS", "10")))
UNSEEDED: tuple[Setting, ...] = tuple(
    setting for setting in SETTINGS if setting[0] in ("agglomerative", "dbscan", "threshold")
)
"""Settings that draw nothing and break no ties by row, so that rows may be in any order."""


@pytest.mark.parametrize("seed", SEEDS)
def test_partitions_stay_the_same(seed: int, tmp_path: Path) -> None:
    data = with_many_copies(150 + 60 * seed, 4 + 8 * seed, seed)
    vectors, numbers = arranged(*data, seed=0)
    expected = [of_kinds(labels, numbers) for labels in partitions(vectors, tmp_path / "expected")]
    perturbations = (
        *(lambda each=each: last_bits_shifted(each, most=2) for each in range(3)),
        *(lambda size=size: blocks_of(size) for size in (17, 100)),
        *(lambda count=count: threads(count) for count in (1, 2)),
        searched_by_bounds,
        as_they_are,
    )
    for number, perturbation in enumerate(perturbations):
        vectors, numbers = arranged(*data, seed=1 + number)
        with perturbation():
            found = partitions(vectors, tmp_path / str(number))
        for setting, labels, kinds in zip(SETTINGS, found, expected, strict=True):
            assert np.array_equal(of_kinds(labels, numbers), kinds), (setting, number)


@pytest.mark.parametrize("seed", SEEDS)
def test_rows_in_any_order(seed: int, tmp_path: Path) -> None:
    vectors, numbers = arranged(*with_many_copies(200, 6 + 4 * seed, seed), seed=0)
    expected = [of_kinds(labels, numbers) for labels in partitions(vectors, tmp_path / "expected", UNSEEDED)]
    order = np.random.default_rng(seed).permutation(len(vectors))
    with last_bits_shifted(seed):
        found = partitions(vectors[order], tmp_path / "found", UNSEEDED)
    for setting, labels, kinds in zip(UNSEEDED, found, expected, strict=True):
        back = np.empty_like(labels)
        back[order] = labels
        assert np.array_equal(of_kinds(back, numbers), kinds), setting


@pytest.mark.parametrize("seed", SEEDS)
def test_graph_and_tree_of_ties(seed: int) -> None:
    vectors, _ = arranged(*lattice(4, 2 + seed % 3, seed), seed=seed)
    k = min(12, len(vectors) - 1)
    graph, tree = _graph_and_tree(vectors, k)
    for each, size in itertools.product(range(3), (16, 2048)):
        with last_bits_shifted(each), blocks_of(size):
            again, tree_again = _graph_and_tree(vectors, k)
        np.testing.assert_array_equal(again, graph)
        np.testing.assert_array_equal(tree_again.edges, tree.edges)
        np.testing.assert_array_equal(tree_again.weights, tree.weights)


@pytest.mark.parametrize("seed", SEEDS)
def test_copies_have_the_same_neighbours_in_two_stages(seed: int) -> None:
    different = clustered_vectors(600, 8, seed=seed)
    counts = np.where(np.arange(600) < 20, 40, 1)
    vectors, numbers = arranged(different, counts, seed)
    with last_bits_shifted(seed):
        built = two_stage_geometry(vectors, 10, 0, shard=150, probes=2)
    firsts = np.unique(numbers, return_index=True)[1]
    np.testing.assert_array_equal(built.neighbors.distances, built.neighbors.distances[firsts][numbers])


def _graph_and_tree(vectors: np.ndarray, k: int) -> tuple[np.ndarray, SpanningTree]:
    graph = nearest_neighbors(vectors, k)
    return graph.indices, mutual_reachability_tree(vectors, graph, k)
