"""Time of one dendrogram, compared with one float32 product of all vectors with all on the same machine.

python -m tests.benchmarks.agglomerative --n 48642
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from sklearn.metrics import adjusted_rand_score

from runner.cluster.agglomerative import agglomerative_linkage, cut_linkage
from runner.cluster.graph.neighbors import Neighbors, nearest_neighbors
from tests.benchmarks.synthetic import synthetic_unit_vectors

Result = TypeVar("Result")

N_CLUSTERS = 300


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def product_seconds(vectors: np.ndarray) -> float:
    """One product of all vectors with all, in blocks that are thrown away; estimated from the first of them."""
    block = min(1024, len(vectors))
    n_blocks = min(8, len(vectors) // block)
    seconds = timed(lambda: [vectors[i * block : (i + 1) * block] @ vectors.T for i in range(n_blocks)])[1]
    return seconds * len(vectors) / (n_blocks * block)


def report(
    name: str,
    vectors: np.ndarray,
    linkage: str,
    metric: str,
    neighbors: Neighbors | None,
    labels: np.ndarray,
    product: float,
) -> None:
    result, seconds = timed(lambda: agglomerative_linkage(vectors, linkage, metric, neighbors))
    found, cut_seconds = timed(lambda: cut_linkage(result.merges, N_CLUSTERS))
    print(
        f"{name:42s} {seconds:7.1f} s = {seconds / product:5.2f} products, a cut {cut_seconds * 1000:3.0f} ms, "
        f"ARI {adjusted_rand_score(labels, found):.3f}{', approximate' if result.approximate else ''}, "
        f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GiB",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=10_000)
    parser.add_argument("--dimension", type=int, default=512)
    parser.add_argument("--neighbors", type=int, default=30)
    parser.add_argument("--matrix", action="store_true", help="also those linkages that need the distance matrix")
    arguments = parser.parse_args()
    vectors, labels = synthetic_unit_vectors(arguments.n, arguments.dimension, N_CLUSTERS, 0.5, seed=0)
    centered = vectors - vectors.mean(axis=0)
    axes = np.linalg.eigh(centered.T @ centered)[1][:, -64:]
    projected = np.ascontiguousarray(centered @ axes)
    for linkage, metric in (("ward", "euclidean"), ("average", "cosine"), ("complete", "euclidean")):
        agglomerative_linkage(vectors[:100], linkage, metric)  # compiles
    product = product_seconds(vectors)
    print(f"one product of {arguments.n} × {arguments.dimension}: {product:.1f} s")
    for space, data, metric in (("pca:64", projected, "euclidean"), ("none", vectors, "cosine")):
        neighbors, seconds = timed(lambda data=data: nearest_neighbors(data, arguments.neighbors))  # type: ignore[misc]
        print(f"neighbours in {space}: {seconds:.1f} s")
        linkages = ["ward", "average"] if metric == "cosine" else ["ward"]
        for linkage in linkages:
            report(f"{linkage}, {space}, given neighbours", data, linkage, metric, neighbors, labels, product)
            report(f"{linkage}, {space}", data, linkage, metric, None, labels, product)
    if arguments.matrix:
        report("complete, none", vectors, "complete", "cosine", None, labels, product)
        report("complete, pca:64", projected, "complete", "euclidean", None, labels, product)
        report("average, pca:64", projected, "average", "euclidean", None, labels, product)


if __name__ == "__main__":
    main()
