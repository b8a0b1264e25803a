"""Two-stage graph and tree against the exact ones, on a set that fits.

    python tests/benchmarks/two_stage.py [n] [dimension]

The shards are as small a part of the set as they would be of one ten times larger. Prints time, recall, and how far the
clusterings agree: the adjusted Rand index of both, noise being a group of its own.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from sklearn.metrics import adjusted_rand_score

from runner.cluster.graph.approximate_neighbors import two_stage_geometry
from runner.cluster.graph.cuts import dbscan_labels, hdbscan_labels, threshold_labels
from runner.cluster.graph.neighbors import Neighbors, nearest_neighbors
from runner.cluster.graph.single_linkage import SpanningTree, dendrogram
from runner.cluster.graph.spanning_tree import mutual_reachability_tree, reweighted_tree
from tests.benchmarks.synthetic import synthetic_unit_vectors

K = 30
SHARDS = ((200, 8), (200, 16), (500, 8), (500, 4))


def clusterings(vectors: np.ndarray, neighbors: Neighbors, tree: SpanningTree) -> dict[str, np.ndarray]:
    trees = {least: reweighted_tree(vectors, neighbors, tree, least) for least in (1, 5, 10)}
    median = float(np.median(neighbors.core_distances(5)))
    return {
        "hdbscan 5/10": hdbscan_labels(dendrogram(trees[5]), 10),
        "hdbscan 10/30": hdbscan_labels(dendrogram(trees[10]), 30),
        "hdbscan leaf 5/10": hdbscan_labels(dendrogram(trees[5]), 10, 0.0, "leaf"),
        "dbscan": dbscan_labels(trees[5], neighbors, median, 6),
        "threshold": threshold_labels(trees[1], median),
    }


def main(n: int = 20_000, dimension: int = 128) -> None:
    warm_up = synthetic_unit_vectors(500, dimension, 10, 0.5, 0)[0]
    mutual_reachability_tree(warm_up, nearest_neighbors(warm_up, K), K)
    vectors = synthetic_unit_vectors(n, dimension, max(10, n // 160), 0.5, 0)[0]
    started = time.perf_counter()
    graph = nearest_neighbors(vectors, K)
    tree = mutual_reachability_tree(vectors, graph, K)
    print(f"n={n} d={dimension}: exact {time.perf_counter() - started:.1f} s", flush=True)
    exact = clusterings(vectors, graph, tree)
    for shard, probes in SHARDS:
        started = time.perf_counter()
        built = two_stage_geometry(vectors, K, 0, shard=shard, probes=probes)
        seconds = time.perf_counter() - started
        agreement = {
            name: adjusted_rand_score(exact[name], labels)
            for name, labels in clusterings(vectors, built.neighbors, built.tree).items()
        }
        figures = ", ".join(f"{name} {value:.3f}" for name, value in agreement.items())
        looked = f"shards of {shard}, {probes} probes ({min(1.0, shard * probes / n):.0%} of all pairs)"
        print(f"{looked}: {seconds:.1f} s, recall {built.recall:.3f}; {figures}", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
