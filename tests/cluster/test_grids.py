"""Grids follow the data, take what the user sets as it is, and refuse what can't work."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from runner.cluster.algorithms import GROUPS
from runner.cluster.geometry import Geometry, build_geometry
from runner.cluster.grids import Grid, check_sizes, count, expand, neighbors_needed, parse_grids
from runner.cluster.spaces import Space
from runner.config.experiment import Mode
from runner.config.file import load_preset
from runner.errors import UsageError
from tests.cluster.vectors import clustered_vectors, unit


def geometries(folder: Path, n: int, grids: list[Grid]) -> dict[str, Geometry]:
    np.save(folder / "vectors.npy", unit(clustered_vectors(n, 80, seed=n)))
    built: dict[str, Geometry] = {}
    for name in ["none", *(space for grid in grids for space in grid.spaces)]:
        if name not in built:
            built[name] = build_geometry(
                folder / name.replace(":", "-"),
                Space.parse(name),
                folder / "vectors.npy",
                base=built.get("none"),
                min_samples=neighbors_needed(grids, name),
                seed=0,
            )
    return built


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("n", [2, 3, 4, 7, 19, 60])
def test_presets_are_valid_for_every_n(tmp_path: Path, mode: Mode, n: int) -> None:
    grids = [grid for grid in parse_grids(load_preset(mode)) if grid.algorithm != "evoc"]
    built = geometries(tmp_path, n, grids)
    configs = expand(grids, built.__getitem__)
    assert configs
    for config in configs:
        for name in ("n_clusters", "n_components", "min_cluster_size"):
            assert 1 <= int(config.params.get(name, 1)) <= n, config
    assert len({repr(config.identity()) for config in configs}) == len(configs)


@pytest.mark.parametrize(
    ("mode", "expected"), [("debug", 3), ("fast", 20), ("balanced", 100), ("comprehensive", 350), ("classic", 369)]
)
def test_preset_sizes(mode: str, expected: int) -> None:
    assert count(parse_grids(load_preset(Mode(mode))), 48_642) == pytest.approx(expected, rel=0.06)


@pytest.mark.parametrize(("n", "last"), [(30, 6), (60, 9)])
def test_a_limit_lowers_the_end_and_never_raises_it(tmp_path: Path, n: int, last: int) -> None:
    grids = parse_grids({"kmeans": [{"n_clusters": {"geometric": 3, "most": 9}}]})
    configs = expand(grids, geometries(tmp_path, n, grids).__getitem__)
    assert [config.params["n_clusters"] for config in configs][-1] == last


def test_classic_is_the_known_grid() -> None:
    grids = {grid.algorithm: count([grid], 48_642) for grid in parse_grids(load_preset(Mode.CLASSIC))}
    assert grids == {"kmeans": 102, "gmm": 57, "hdbscan": 175, "dbscan": 35}


def test_values_of_the_user_are_taken_as_they_are(tmp_path: Path) -> None:
    grids = parse_grids(
        load_preset(Mode.BALANCED),
        algorithms=["kmeans", "dbscan"],
        overrides={"kmeans": {"n_clusters": [3, 17]}, "dbscan": {"eps": 0.123456789, "min_samples": [4]}},
    )
    configs = expand(grids, geometries(tmp_path, 40, grids).__getitem__)
    assert [config.params for config in configs] == [
        {"n_clusters": 3, "init": "k-means++"},
        {"n_clusters": 17, "init": "k-means++"},
        {"eps": 0.123456789, "min_samples": 4},
    ]


def test_a_list_of_grids_replaces_the_presets() -> None:
    own = [{"space": "pca:8", "n_clusters": 4}, {"n_clusters": [5, 6]}]
    grids = parse_grids(load_preset(Mode.FAST), algorithms=["kmeans"], overrides={"kmeans": own})
    assert [(grid.spaces, grid.values["n_clusters"]) for grid in grids] == [(("pca:8",), 4), (("none",), [5, 6])]


def test_a_group_stands_for_its_algorithms() -> None:
    grids = parse_grids(load_preset(Mode.FAST), algorithms=["kmeans", "similarity", "phash"])
    assert [grid.algorithm for grid in grids] == ["kmeans", *GROUPS["similarity"]]
    assert "phash" in GROUPS["similarity"]


def test_spaces_replace_the_presets() -> None:
    grids = parse_grids(load_preset(Mode.FAST), algorithms=["kmeans"], spaces=["pca:8", "umap:2"])
    assert [grid.spaces for grid in grids] == [("pca:8", "umap:2")]


def test_distances_are_quantiles_of_the_data(tmp_path: Path) -> None:
    grids = parse_grids({"dbscan": [{"eps": {"neighbor_quantiles": [0.5]}, "min_samples": 4}]})
    built = geometries(tmp_path, 60, grids)
    (config,) = expand(grids, built.__getitem__)
    similarities = np.sort(built["none"].vectors @ built["none"].vectors.T, axis=1)[:, ::-1]
    assert config.params["eps"] == pytest.approx(np.quantile(1 - similarities[:, 3], 0.5), rel=0.02)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"kmeans": {"n_clusters": 0}}, "kmeans: n_clusters=0 is out of range; it must be at least 1"),
        ({"kmeans": {"n_clusters": 2.5}}, "n_clusters=2.5 must be a whole number"),
        ({"kmeans": {"n_clusters": [10, 51]}}, "n_clusters=51 is more than the 50 images"),
        ({"kmeans": {"k": 3}}, "kmeans has no parameter 'k'; it has n_clusters, init"),
        ({"kmeans": {"init": "best"}}, "init='best' is unknown; use one of k-means[+][+], random, ward"),
        ({"kmeans": {"n_clusters": {"quantiles": [1]}}}, "is no rule for this parameter; use geometric or range"),
        ({"hdbscan": {"min_cluster_size": 1}}, "min_cluster_size=1 is out of range; it must be at least 2"),
        ({"threshold": {"similarity": 1.2}}, "similarity=1.2 is out of range; it must be between -1 and 1"),
        ({"threshold": {"space": "pca:8"}}, "threshold needs cosine similarities"),
        ({"gmm": {"space": "none"}}, "gmm needs a space of few dimensions"),
        ({"dbscan": {"space": "tsne:2"}}, "unknown space 'tsne:2'"),
        ({"kmedoids": {}}, "unknown algorithm 'kmedoids'"),
    ],
)
def test_what_cannot_work_is_refused_by_name(overrides: dict, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        check_sizes(parse_grids(load_preset(Mode.BALANCED), overrides=overrides), 50)


def test_an_algorithm_outside_the_preset_needs_its_values() -> None:
    with pytest.raises(UsageError, match=r"--set sweep\.dbscan\.eps="):
        parse_grids(load_preset(Mode.FAST), algorithms=["dbscan"])
