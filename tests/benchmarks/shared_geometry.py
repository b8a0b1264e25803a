"""Exactness and speed of the shared geometry, beside hdbscan and scikit-learn in the same process.

    python tests/benchmarks/shared_geometry.py [n] [dimension]

Prints, for every setting, whether the partition is the reference's, and what a sweep of all settings costs
either way. The reference of HDBSCAN shares nothing between settings, as its users run it; each min_samples is
fitted once and the cost of the further settings is extrapolated from that.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from hdbscan.hdbscan_ import _tree_to_labels
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.cluster import DBSCAN
from sklearn.metrics import adjusted_rand_score

from runner.cluster.graph.cuts import dbscan_labels, hdbscan_labels, relabel_by_size, threshold_labels
from runner.cluster.graph.neighbors import nearest_neighbors
from runner.cluster.graph.single_linkage import dendrogram
from runner.cluster.graph.spanning_tree import mutual_reachability_tree, reweighted_tree
from tests.benchmarks.synthetic import synthetic_unit_vectors
from tests.cluster.hdbscan_package import fitted

MIN_SAMPLES = (1, 3, 5, 10, 20)
MIN_CLUSTER_SIZES = (5, 10, 20, 50)
EPS = (0.1, 0.2, 0.25, 0.3, 0.4)
SIMILARITIES = (0.95, 0.9, 0.8, 0.7, 0.65, 0.6, 0.5)


def timed(function: Callable, *arguments: Any) -> tuple[Any, float]:
    started = time.perf_counter()
    return function(*arguments), time.perf_counter() - started


def main(n: int = 5000, dimension: int = 512) -> None:
    warm_up = synthetic_unit_vectors(300, 16, 10, 0.5, 0)[0]
    tree = mutual_reachability_tree(warm_up, nearest_neighbors(warm_up, 20), 20)
    hdbscan_labels(dendrogram(reweighted_tree(warm_up, nearest_neighbors(warm_up, 20), tree, 5)), 5, 0.1)
    vectors, _ = synthetic_unit_vectors(n, dimension, max(10, n // 160), 0.5, 0)
    doubles = vectors.astype(np.float64)
    _, product = timed(lambda: vectors @ vectors.T)
    graph, graph_seconds = timed(nearest_neighbors, vectors, 20)
    largest, tree_seconds = timed(mutual_reachability_tree, vectors, graph, 20)
    print(f"n={n} d={dimension}: product {product:.2f} s, graph {graph_seconds:.2f} s, tree {tree_seconds:.2f} s")
    ours, reference = graph_seconds + tree_seconds, 0.0
    trees = {}
    for min_samples in MIN_SAMPLES:
        trees[min_samples], seconds = timed(reweighted_tree, vectors, graph, largest, min_samples)
        ours += seconds
        merges = dendrogram(trees[min_samples])
        model, fit_seconds = timed(fitted, doubles, min_samples)
        identical = settings = 0
        for size in MIN_CLUSTER_SIZES:
            for method in ("eom", "leaf"):
                for epsilon in (0.0, 0.5):
                    labels, seconds = timed(hdbscan_labels, merges, size, epsilon, method)
                    ours += seconds
                    reference += fit_seconds
                    expected = _tree_to_labels(
                        None, model.single_linkage_tree_._linkage, size, method, False, False, epsilon
                    )[0]
                    same_noise = np.array_equal(expected < 0, labels < 0)
                    identical += adjusted_rand_score(expected, labels) == 1.0 and same_noise
                    settings += 1
        print(f"hdbscan min_samples={min_samples}: {identical} of {settings} partitions identical")
    print(f"hdbscan sweep: ours {ours:.1f} s, one fit per setting {reference:.1f} s, ratio {reference / ours:.0f}")
    identical = settings = 0
    for min_samples in (2, 4, 6, 11, 21):
        tree = reweighted_tree(vectors, graph, largest, min_samples - 1)
        for eps in EPS:
            distance = float(np.sqrt(2 * eps))
            labels = dbscan_labels(tree, graph, distance, min_samples)
            model = DBSCAN(eps=distance, min_samples=min_samples, algorithm="brute").fit(doubles)
            core = model.core_sample_indices_
            identical += np.array_equal(labels < 0, model.labels_ < 0) and np.array_equal(
                relabel_by_size(labels[core]), relabel_by_size(model.labels_[core])
            )
            settings += 1
    print(f"dbscan: {identical} of {settings} identical core and noise sets")
    single = linkage(doubles, "single")
    identical = 0
    for similarity in SIMILARITIES:
        distance = float(np.sqrt(2 - 2 * similarity))
        groups = fcluster(single, distance, "distance")
        expected = relabel_by_size(np.where(np.bincount(groups)[groups] == 1, -1, groups))
        identical += np.array_equal(threshold_labels(trees[1], distance), expected)
    print(f"threshold: {identical} of {len(SIMILARITIES)} identical partitions")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
