"""The registry of clustering algorithms: a new one is a new module here and a line below."""

from runner.cluster.algorithms.agglomerative import Agglomerative
from runner.cluster.algorithms.base import Algorithm
from runner.cluster.algorithms.dbscan import Dbscan
from runner.cluster.algorithms.evoc import Evoc
from runner.cluster.algorithms.gmm import GaussianMixture
from runner.cluster.algorithms.hdbscan import Hdbscan
from runner.cluster.algorithms.image_measures import IMAGE_SIMILARITIES
from runner.cluster.algorithms.kmeans import Kmeans
from runner.cluster.algorithms.random_labels import RandomLabels
from runner.cluster.algorithms.threshold import Threshold
from runner.errors import UsageError

ALGORITHMS: dict[str, Algorithm] = {
    algorithm.name: algorithm
    for algorithm in (
        Kmeans(),
        GaussianMixture(),
        Agglomerative(),
        Hdbscan(),
        Dbscan(),
        Threshold(),
        Evoc(),
        *IMAGE_SIMILARITIES,
    )
}

GROUPS: dict[str, tuple[str, ...]] = {"similarity": tuple(algorithm.name for algorithm in IMAGE_SIMILARITIES)}
"""Names that stand for several algorithms where algorithms are chosen."""

NULL_BASELINE = RandomLabels()
"""Run along with every sweep, and no algorithm to choose."""


def algorithm_named(name: str) -> Algorithm:
    """The algorithm of that name; UsageError names the known ones."""
    if name not in ALGORITHMS:
        raise UsageError(f"unknown algorithm {name!r}; use one of {', '.join((*ALGORITHMS, *GROUPS))}")
    return ALGORITHMS[name]
