"""Settings: the configuration file, ``--set``, and the grids of a sweep, which presets hold as well."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.cluster.algorithms import ALGORITHMS
from runner.cluster.grids import check_sizes, count, parse_grids
from runner.config.experiment import ExperimentConfig, Mode
from runner.config.file import dump_config, load_config, load_preset
from runner.errors import UsageError
from tests.fuzz.property import as_json, files, objects, value_or_sentence, values

SETTINGS = b"""\
images: photos
models: [pixels, 'hog:8']
sample: 5%
sweep:
  kmeans: &x {n_clusters: [3, 4]}
  gmm: *x
seed: 3
"""
RULES = objects(
    geometric=st.integers(-3, 30),
    most=st.integers(-3, 30),
    range=st.lists(st.integers(-9, 99) | objects(per=st.integers(-2, 9), least=st.integers()), max_size=4),
    neighbor_quantiles=st.lists(st.floats(), max_size=4),
    merge_quantiles=st.lists(st.floats(0, 1), max_size=4),
)
PARAMETERS = sorted({parameter.name for algorithm in ALGORITHMS.values() for parameter in algorithm.parameters})
GRIDS = objects(
    **dict.fromkeys(PARAMETERS, RULES | st.lists(st.integers(-3, 40) | st.floats() | st.text(max_size=5), max_size=4)),
    space=st.sampled_from(["none", "pca:8", "umap:0", "pca:99999999999", "tsne:2"]) | st.lists(st.text(max_size=4)),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


def _load(path: Path) -> ExperimentConfig:
    config = load_config({}, file=path)
    (path.parent / "again.yaml").write_text(dump_config(config), encoding="utf-8")
    assert load_config({}, file=path.parent / "again.yaml") == config
    return config


@given(content=files(SETTINGS))
def test_settings_files(content: bytes, folder: Path) -> None:
    path = folder / "settings.yaml"
    path.write_bytes(content)
    value_or_sentence(lambda: _load(path), "")


@given(settings=st.dictionaries(st.sampled_from(sorted(ExperimentConfig.model_fields)), values, max_size=4))
def test_settings_of_any_values(settings: dict[str, Any], folder: Path) -> None:
    path = folder / "settings.yaml"
    path.write_bytes(as_json({"images": "photos", **settings}))
    value_or_sentence(lambda: load_config({}, file=path), "")


@given(
    assignments=st.lists(
        st.text(max_size=40) | st.sampled_from(["sweep.kmeans.n_clusters=[3]", "images.x=1", "a" + ".b" * 9000 + "=1"])
    )
)
def test_assignments(assignments: list[str]) -> None:
    value_or_sentence(lambda: load_config({"images": "photos"}, assignments=assignments), "")


@given(
    sweep=st.dictionaries(
        st.sampled_from([*sorted(ALGORITHMS), "no"]), GRIDS | st.lists(GRIDS | values, max_size=3), max_size=2
    )
)
def test_grids(sweep: dict[str, Any]) -> None:
    def parse() -> None:
        grids = parse_grids(load_preset(Mode.FAST), overrides=sweep)
        check_sizes(grids, 100)
        assert count(grids, 100) >= 0

    value_or_sentence(parse, "")


@pytest.mark.parametrize(
    ("sweep", "message"),
    [
        ({"kmeans": {"n_clusters": float("inf")}}, "kmeans: n_clusters=inf must be a number"),
        ({"kmeans": {"n_clusters": float("nan")}}, "kmeans: n_clusters=nan must be a number"),
        ({"kmeans": {"n_clusters": {"geometric": 10**9}}}, "geometric must be 1 to 10,000"),
        ({"kmeans": {"n_clusters": {"range": [1, 10**9, 1]}}}, "range must be of 10,000 values at most"),
        ({"kmeans": {"n_clusters": {"range": [1, 5, 0]}}}, "with a step above 0"),
        ({"threshold": {"similarity": {"merge_quantiles": [2]}}}, "merge_quantiles must be numbers from 0 to 1"),
        ({"kmeans": [3]}, "kmeans: 3 is no grid"),
    ],
)
def test_grids_that_would_never_end(sweep: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_grids({}, overrides=sweep)
