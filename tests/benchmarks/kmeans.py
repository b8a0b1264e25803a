"""A k-means sweep from one seeding, and from one dendrogram of Ward's, against scikit-learn's KMeans for each k.

    python tests/benchmarks/kmeans.py --n 20000 --trials 15 --reference-up-to 1000

Times are CPU seconds of this process.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from sklearn.cluster import KMeans
from synthetic import synthetic_unit_vectors
from threadpoolctl import threadpool_limits

from runner.cluster.agglomerative import cut_linkage, ward_linkage
from runner.cluster.kmeans.lloyd import kmeans
from runner.cluster.kmeans.seeding import seed


def main() -> None:
    options = _options()
    torch.set_num_threads(options.threads)
    if options.vectors:
        vectors = np.load(options.vectors, mmap_mode="r", allow_pickle=False)
    else:
        vectors = synthetic_unit_vectors(options.n, options.d, 300, 0.5, options.seed)[0]
    n = len(vectors)
    n_clusters = np.unique(np.geomspace(min(5, n), max(5, n // 5), options.trials).round().astype(int))
    _compile(vectors)

    start = time.process_time()
    seeding = seed(vectors, int(n_clusters[-1]), options.seed)
    seeding_seconds = time.process_time() - start
    print(f"{n} x {vectors.shape[1]} vectors; {len(seeding.indices)} seeds: {seeding_seconds:.1f} s")
    print("     k  iterations  products/nkd  seconds | scikit-learn: iterations  seconds  inertia ratio")
    start = time.process_time()
    merges = ward_linkage(vectors)
    ward_seconds, by_ward = time.process_time() - start, []
    seconds, pairs, ratios = 0.0, 0, []
    with threadpool_limits(options.threads):
        for k in n_clusters:
            start = time.process_time()
            result = kmeans(vectors, vectors[seeding.indices[:k]], labels_init=seeding.labels(k))
            elapsed = time.process_time() - start
            seconds, pairs = seconds + elapsed, pairs + result.pairs_computed
            start = time.process_time()
            from_ward = kmeans(vectors, vectors[:k], labels_init=cut_linkage(merges, int(k)))
            by_ward.append((time.process_time() - start, from_ward.inertia / result.inertia))
            line = f"{k:6} {result.n_iter:11} {result.pairs_computed / n / k:13.2f} {elapsed:8.2f} |"
            if k <= options.reference_up_to:
                start = time.process_time()
                reference = KMeans(int(k), n_init=1, random_state=options.seed).fit(vectors)
                elapsed = time.process_time() - start
                ratios.append(result.inertia / reference.inertia_)
                line += f"{reference.n_iter_:25} {elapsed:8.2f} {ratios[-1]:14.4f}"
            print(line, flush=True)
    print(f"sweep: {seconds:.1f} s after the seeding, {pairs / n**2:.2f} n²d products")
    times, inertias = np.array(by_ward).T
    print(
        f"from Ward's clusters: {times.sum():.1f} s after the dendrogram, {ward_seconds:.1f} s; "
        f"mean inertia over that from the seeding: {inertias.mean():.4f}"
    )
    if ratios:
        print(f"mean inertia ratio: {np.mean(ratios):.4f}")


def _compile(vectors: np.ndarray) -> None:
    few = np.asarray(vectors[:300])
    kmeans(few, few[seed(few, 200, 0).indices])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=20_000, help="number of synthetic vectors")
    parser.add_argument("--d", type=int, default=512, help="their dimension")
    parser.add_argument("--vectors", type=Path, help="an .npy file of float32 vectors instead")
    parser.add_argument("--trials", type=int, default=15, help="values of k, geometric from 5 to n/5")
    parser.add_argument("--reference-up-to", type=int, default=1000, help="largest k that scikit-learn is run for")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
