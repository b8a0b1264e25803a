"""*Run clustering experiment* from Python: what it leaves behind, and what it refuses."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from runner.results.files import read_summary
from tests.plugin.conftest import Execute, form_of

if TYPE_CHECKING:
    from fiftyone import Dataset


def test_labels_views_and_a_run_are_left_behind(study: Dataset) -> None:
    from runner.integrations.fiftyone.experiment_runs import experiment_runs

    run = experiment_runs(study)[0]
    assert run.key == "study_sweep"
    assert len(run.fields) >= 2
    assert all(label is not None for label in study.values(f"{run.fields[0]}.label"))
    assert study.list_saved_views()
    assert study.get_run_info("study_sweep").config.method == "mlflow_run"


def test_a_selection_with_a_missing_file(
    execute: Execute, dataset: Dataset, settings: dict[str, Any], tmp_path: Path
) -> None:
    chosen = dataset.values("id")[::2]
    gone = dataset[chosen[3]]
    gone.filepath = str(tmp_path / "gone.png")
    gone.save()
    params = {**settings, "name": "part", "out": str(tmp_path / "out"), "view_target": "SELECTED_SAMPLES"}
    result = execute("run_experiment", dataset, params, selected=chosen)
    images = read_summary(tmp_path / "out").images
    assert images.found == len(chosen)
    assert [(one.path, "missing" in one.reason) for one in images.skipped] == [(gone.id, True)]
    requests = result.executor.to_json()["requests"]
    steps = [request["params"] for request in requests if request["operator_uri"] == "set_progress"]
    assert any("rials" in step["label"] for step in steps)
    assert all(0 <= step["progress"] <= 1 for step in steps)
    assert [request["operator_uri"] for request in requests][-3:] == ["reload_dataset", "notify", "open_panel"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"name": "2 words"}, "letters, digits and single underscores"),
        ({"models": ["nonsense"]}, "no model 'nonsense'"),
        ({"models": ["efficientnet_lite0:wrong"]}, "wrong"),
        ({"sample": "much"}, "neither a share such as 5% nor a count"),
        ({"resolutions": ["7"]}, "resolutions"),
        ({"spaces": ["nowhere:3"]}, "nowhere"),
        ({"tracking_uri": "nonsense"}, "no tracking URI"),
        ({"labels": "not_there", "advanced": True}, "Path: labels. Reason: Invalid enum value"),
        ({"out": "/proc/nowhere"}, "/proc/nowhere"),
    ],
)
def test_what_cannot_work_is_refused_with_the_reason(
    execute: Execute, dataset: Dataset, settings: dict[str, Any], tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    params = {**settings, "name": "refused", "out": str(tmp_path / "out"), **changes}
    with pytest.raises(Exception, match=told):
        execute("run_experiment", dataset, params)
    dataset.reload()
    assert dataset.list_runs() == []


def test_datasets_without_two_images_are_refused(
    execute: Execute, dataset: Dataset, fiftyone: ModuleType, settings: dict[str, Any]
) -> None:
    with pytest.raises(Exception, match="There is one sample"):
        execute("run_experiment", dataset, settings, view=dataset.limit(1))
    with pytest.raises(Exception, match="There is no sample"):
        execute("run_experiment", dataset, settings, view=dataset.skip(10_000))
    videos = fiftyone.Dataset("videos")
    videos.add_sample(fiftyone.Sample(filepath="/tmp/film.mp4"))
    with pytest.raises(Exception, match="video"):
        execute("run_experiment", videos, settings)
    empty = fiftyone.Dataset("empty")
    with pytest.raises(Exception, match="There is no sample"):
        execute("run_experiment", empty, settings)


def test_the_form_shows_the_trials_before_anything_starts(
    plugin: None, dataset: Dataset, settings: dict[str, Any]
) -> None:
    form = form_of("run_experiment", dataset, {**settings, "name": "planned", "resolutions": ["64", "96"]})
    plan = form["plan"]["view"]["label"]
    assert "2 embeddings" in plan and "36 images" in plan and "72 forward passes" in plan
    other = form_of("run_experiment", dataset, {**settings, "name": "planned", "device": "cpu", "advanced": True})
    assert "not known yet" in other["plan"]["view"]["label"]


def test_the_form_says_how_long_by_what_earlier_runs_took(study: Dataset, settings: dict[str, Any]) -> None:
    def told(**changes: Any) -> str:
        label: str = form_of("run_experiment", study, {**settings, "name": "planned", **changes})["plan"]["view"][
            "label"
        ]
        return label

    assert re.search(r"Roughly \d+ (s|min) by earlier runs here: forward passes at most \d+ s, clusterings \d+", told())
