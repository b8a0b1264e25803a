"""k-means: one seeding at the largest k, whose prefixes seed every smaller one."""

from collections.abc import Sequence

import numpy as np

from runner.cluster.algorithms.base import Algorithm, Parameter, Params, Scale
from runner.cluster.cuts import compact_labels
from runner.cluster.geometry import Geometry
from runner.cluster.trial import Clustering


class Kmeans(Algorithm):
    """Lloyd's algorithm as in ``sklearn.cluster.KMeans``; on unit vectors close to spherical k-means."""

    name = "kmeans"
    parameters = (
        Parameter("n_clusters", int, minimum=1, scale=Scale.CLUSTER_COUNT),
        Parameter("init", str, default="k-means++", choices=("k-means++", "random")),
    )

    def preparation(self, params: Params) -> str:
        return f"kmeans {params['init']}"

    def prepare(self, geometry: Geometry, settings: Sequence[Params], seed: int) -> None:
        largest = max(int(params["n_clusters"]) for params in settings)
        kmeans_seeds(geometry, largest, seed, str(settings[0]["init"]))

    def cluster(self, geometry: Geometry, params: Params, seed: int) -> Clustering:
        from runner.cluster.kmeans import kmeans

        n_clusters = int(params["n_clusters"])
        seeds = kmeans_seeds(geometry, n_clusters, seed, str(params["init"]))
        result = kmeans(geometry.vectors, np.asarray(geometry.vectors[seeds]))
        details = {"inertia": result.inertia, "n_iter": result.n_iter, "converged": result.converged}
        return Clustering(compact_labels(result.labels), details)


def kmeans_seeds(geometry: Geometry, n_clusters: int, seed: int, init: str = "k-means++") -> np.ndarray:
    """The first ``n_clusters`` rows of the shared seeding, which is made anew if it is too short: int64."""
    from runner.cluster.seeding import seed_centers

    def compute() -> np.ndarray:
        if init == "random":
            return np.random.default_rng(seed).permutation(geometry.n)
        return seed_centers(geometry.vectors, n_clusters, seed)

    name = f"kmeans-{init.strip('+')}-{seed}"
    path = geometry.directory / f"{name}.npy"
    if path.exists() and len(np.load(path, mmap_mode="r")) < n_clusters:
        path.unlink()
    return np.asarray(geometry.prepared(name, compute)[:n_clusters])
