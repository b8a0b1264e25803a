"""Which images of a trial are exported, and under which cluster's name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from runner.cluster.trial import NOISE
from runner.export.config import Choose
from runner.export.file_names import distinct_names, safe_name
from runner.score.cluster_statistics import ClusterFacts

NOISE_NAME = "noise"
UNIQUE_NAME = "unique"


@dataclass(frozen=True)
class ExportedCluster:
    """A cluster and those of its images that are exported.

    Attributes:
        name: of its folder: ``cluster_007`` or the name it was given, ``noise``, or ``unique`` for all images that
            are alone in their cluster.
        cluster: its number; ``NOISE`` for noise, None for ``unique``.
        rows: of the images, the most central first.
        size: number of images in the cluster.
    """

    name: str
    cluster: int | None
    rows: tuple[int, ...]
    size: int


@dataclass(frozen=True)
class Selection:
    """What is asked of an export: see ``ExportConfig``."""

    min_size: int = 1
    per_cluster: int | None = None
    choose: Choose = Choose.MEDOIDS
    seed: int = 42


def select_clusters(
    facts: ClusterFacts, wanted: Selection, names: Mapping[int, str], *, noise_is_unique: bool = False
) -> list[ExportedCluster]:
    """The clusters to export, by number, then ``unique``, then ``noise``; none is empty.

    Args:
        facts: the clustering.
        wanted: which images are taken.
        names: of clusters that were given one.
        noise_is_unique: whether noise means an image without a mate, as in the algorithm ``threshold``.
    """
    generator = np.random.default_rng(wanted.seed)
    numbers = [cluster for cluster in range(facts.n_clusters) if facts.sizes[cluster] >= max(2, wanted.min_size)]
    digits = max(3, len(str(facts.n_clusters - 1)))
    given = [safe_name(names[cluster]) if cluster in names else f"cluster_{cluster:0{digits}d}" for cluster in numbers]
    folders = distinct_names(given, taken=(NOISE_NAME, UNIQUE_NAME))
    clusters = [
        ExportedCluster(folder, cluster, _chosen(facts.members(cluster), wanted, generator), int(facts.sizes[cluster]))
        for folder, cluster in zip(folders, numbers, strict=True)
    ]
    if wanted.min_size > 1:
        return clusters
    noise = facts.members(NOISE)
    single = [facts.medoid(cluster) for cluster in range(facts.n_clusters) if facts.sizes[cluster] == 1]
    if noise_is_unique:
        single, noise = sorted([*single, *noise.tolist()]), noise[:0]
    if single:
        clusters.append(ExportedCluster(UNIQUE_NAME, None, tuple(single), len(single)))
    if len(noise):
        clusters.append(ExportedCluster(NOISE_NAME, NOISE, _chosen(noise, wanted, generator), len(noise)))
    return clusters


def _chosen(members: np.ndarray, wanted: Selection, generator: np.random.Generator) -> tuple[int, ...]:
    """At most as many as wanted of a cluster's rows, which come with the most central first."""
    most = wanted.per_cluster
    if most is None or most >= len(members):
        return tuple(members.tolist())
    if wanted.choose is Choose.RANDOM:
        places = np.sort(generator.choice(len(members), size=most, replace=False))
        return tuple(members[places].tolist())
    return tuple((members[:most] if wanted.choose is Choose.MEDOIDS else members[-most:]).tolist())
