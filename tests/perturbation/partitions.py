"""Every partition that a sweep may make of some vectors, by the algorithms themselves on a geometry of their own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from runner.cluster.algorithms import algorithm_named
from runner.cluster.algorithms.base import Params
from runner.cluster.geometry import Geometry, build_geometry
from runner.cluster.spaces import Space

Setting = tuple[str, str, Params]
"""Algorithm, space, parameters."""

SETTINGS: tuple[Setting, ...] = (
    *(("kmeans", "none", {"n_clusters": k, "init": i}) for k in (5, 40) for i in ("k-means++", "random", "ward")),
    *(
        ("gmm", "pca:4", {"n_components": 6, "covariance_type": kind})
        for kind in ("full", "tied", "diag", "spherical")
    ),
    *(
        ("agglomerative", space, {"n_clusters": k, "linkage": linkage})
        for space in ("none", "pca:4")
        for linkage in ("ward", "average", "complete")
        for k in (6, 50)
    ),
    *(
        ("hdbscan", "none", {
            "min_cluster_size": size, "min_samples": m, "cluster_selection_epsilon": 0.0,
            "cluster_selection_method": method,
        })
        for size in (3, 10) for m in (2, 8) for method in ("eom", "leaf")
    ),
    *(("dbscan", "none", {"eps": eps, "min_samples": m}) for eps in (0.05, 0.15) for m in (2, 5)),
    *(("threshold", "none", {"similarity": similarity}) for similarity in (0.8, 0.95)),
)  # fmt: skip


def partitions(vectors: np.ndarray, folder: Path, settings: Sequence[Setting] = SETTINGS) -> list[np.ndarray]:
    """The labels of each setting, int32, shape (n,), largest cluster first."""
    geometries = geometries_of(vectors, folder)
    found = []
    for name, space, params in settings:
        algorithm = algorithm_named(name)
        algorithm.prepare(geometries[space], [params], seed=0)
        found.append(algorithm.cluster(geometries[space], params, seed=0).labels)
    return found


def geometries_of(vectors: np.ndarray, folder: Path) -> dict[str, Geometry]:
    """The vectors' geometries in space ``none`` and in four principal components."""
    folder.mkdir(parents=True)
    np.save(folder / "vectors.npy", vectors)
    none: Geometry | None = None
    geometries = {}
    for name in ("none", "pca:4"):
        geometries[name] = build_geometry(
            folder / name.replace(":", "-"), Space.parse(name), folder / "vectors.npy",
            base=none, min_samples=10 if name == "none" else 0, seed=0,
        )  # fmt: skip
        none = geometries["none"]
    return geometries


def of_kinds(labels: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """The cluster of each kind of row, numbered by first appearance, noise -1; AssertionError if equal rows differ."""
    kinds = np.full(numbers.max() + 1, -2)
    kinds[numbers] = labels
    assert np.array_equal(kinds[numbers], labels), "equal rows have different labels"
    names: dict[int, int] = {-1: -1}
    return np.array([names.setdefault(int(label), len(names) - 1) for label in kinds])
