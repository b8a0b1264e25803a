"""Experiments as runs of a dataset, and taking them away."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from runner.errors import RunnerError, UsageError
from runner.integrations.fiftyone.cluster_fields import write_cluster_fields
from runner.integrations.fiftyone.experiment_runs import (
    delete_experiment,
    deletion_plan,
    experiment_runs,
    register_experiment,
)
from runner.integrations.fiftyone.field_record import cluster_fields
from runner.results.files import read_labels, read_paths, read_summary

if TYPE_CHECKING:
    from fiftyone import Dataset

Study = tuple["Dataset", Path]


@pytest.fixture
def written(study: Study) -> tuple[Dataset, Path, str]:
    """A clone of the study with two fields and a registered run."""
    original, out = study
    dataset = original.clone(persistent=False)
    dataset.clone()
    dataset.delete_runs()
    dataset.delete_saved_views()
    dataset.delete_sample_fields([name for name in dataset.get_field_schema() if name.startswith("clusters")])
    _copy_ids(original, dataset)
    summary = read_summary(out)
    fields = write_cluster_fields(dataset, out, summary.ranking[:2])
    return dataset, out, register_experiment(dataset, out, summary, fields)


def _copy_ids(original: Dataset, clone: Dataset) -> None:
    assert original.values("id") == clone.values("id"), "a clone keeps its samples' ids"


def test_registered(written: tuple[Dataset, Path, str]) -> None:
    dataset, out, key = written
    summary = read_summary(out)
    (run,) = experiment_runs(dataset)
    assert (run.key, run.name, run.out, run.has_results) == (key, "study", out.resolve(), True)
    assert (run.n_trials, run.n_images, run.best_trial) == (len(summary.trials), 24, summary.ranking[0])
    assert len(run.fields) == 2 and set(run.fields) <= set(dataset.get_field_schema())
    assert run.scores["silhouette"] == pytest.approx(summary.trial(summary.ranking[0]).scores.silhouette)


def test_the_mlflow_plugin_can_read_it(written: tuple[Dataset, Path, str]) -> None:
    from mlflow import MlflowClient

    dataset, _, key = written
    assert dataset.list_runs(method="mlflow_run") == [key]
    config = dataset.get_run_info(key).config
    run = MlflowClient(config.tracking_uri).get_run(config.run_id)
    assert (run.info.run_id, run.info.experiment_id) == (config.run_uuid, config.experiment_id)
    assert run.info.artifact_uri == config.artifact_uri
    assert config.predictions_field in dataset.get_field_schema()


def test_the_mlflow_plugin_offers_it(written: tuple[Dataset, Path, str]) -> None:
    """By the steps of its "Show MLflow run": experiments by method, runs by name, both again in MLflow."""
    from mlflow import MlflowClient

    dataset, _, _ = written
    (experiment_key,) = dataset.list_runs(method="mlflow_experiment")
    experiment = dataset.get_run_info(experiment_key).config
    (name,) = experiment.runs
    client = MlflowClient(experiment.tracking_uri)
    known = client.get_experiment_by_name(experiment_key)
    assert known is not None and known.experiment_id == experiment.experiment_id
    found = client.search_runs([known.experiment_id], filter_string=f"run_name='{name}'")
    config = dataset.get_run_info(name.replace("-", "_")).config
    assert (config.method, config.run_id) == ("mlflow_run", found[0].info.run_id)


def test_the_entry_of_an_mlflow_experiment_goes_with_its_last_run(written: tuple[Dataset, Path, str]) -> None:
    dataset, _, key = written
    (experiment_key,) = dataset.list_runs(method="mlflow_experiment")
    theirs = dataset.get_run_info(experiment_key).config
    theirs.runs = [*theirs.runs, "another"]
    dataset.update_run_config(experiment_key, theirs)
    delete_experiment(dataset, key)
    assert dataset.get_run_info(experiment_key).config.runs == ["another"]


def test_registered_again_it_is_one_run(written: tuple[Dataset, Path, str]) -> None:
    dataset, out, key = written
    summary = read_summary(out)
    more = write_cluster_fields(dataset, out, summary.ranking[2:3])
    assert register_experiment(dataset, out, summary, more) == key
    (run,) = experiment_runs(dataset)
    assert len(run.fields) == 3


def test_deleting_takes_only_what_is_ours(written: tuple[Dataset, Path, str], tmp_path: Path) -> None:
    dataset, out, key = written
    (run,) = experiment_runs(dataset)
    mine = dataset.init_run()
    mine.method = "mlflow_run"
    dataset.register_run("my_run", mine)
    dataset.save_view("my view", dataset.limit(1))
    plan = deletion_plan(dataset, key)
    assert (plan.fields, len(plan.views), plan.shared) == (
        run.fields,
        sum(len(record.views or ()) for record in cluster_fields(dataset).values()),
        (),
    )
    assert any("keep the results" in line for line in plan.lines())
    dataset.delete_saved_view(plan.views[0])
    with pytest.raises(RunnerError, match="has changed since"):
        delete_experiment(dataset, key, plan)
    delete_experiment(dataset, key, deletion_plan(dataset, key))
    assert dataset.list_runs() == ["my_run"] and dataset.list_saved_views() == ["my view"]
    assert [name for name in dataset.get_field_schema() if name.startswith("clusters")] == []
    assert "kind" in dataset.get_field_schema() and read_summary(out)
    with pytest.raises(UsageError, match=f"no experiment '{key}'; it has none"):
        deletion_plan(dataset, key)


@pytest.mark.check
def test_from_the_shell(dataset: Dataset, tmp_path: Path, cache_dir: Path) -> None:
    out = tmp_path / "results"
    lost = dataset.first()
    lost.filepath = str(tmp_path / "lost.png")
    lost.save()
    broken = dataset.last()
    (tmp_path / "broken.png").write_bytes(b"no picture")
    broken.filepath = str(tmp_path / "broken.png")
    broken.save()
    command = [sys.executable, "-m", "runner", "experiment"]
    flags = ["--dataset", dataset.name, "--labels", "kind", "--write-fields", "--top", "2", "--mode", "debug"]
    model = ["--models", "efficientnet_lite0", "--resolutions", "64", "--cache-dir", str(cache_dir)]
    done = subprocess.run(
        [*command, *flags, *model, "--out", str(out)], capture_output=True, text=True, env=dict(os.environ)
    )
    assert done.returncode == 0, done.stderr
    dataset.reload()
    summary = read_summary(out)
    (run,) = experiment_runs(dataset)
    assert len(run.fields) == 2 and f"run {run.key}" in done.stdout and "lost.png" in done.stdout
    assert f"{broken.id}: " in done.stdout and str(tmp_path / "broken.png") in done.stdout
    labels = dict(zip(read_paths(out), read_labels(out, summary.ranking[0]).tolist(), strict=True))
    best = dict(zip(*dataset.exists(run.fields[0]).values(["id", f"{run.fields[0]}.cluster_id"]), strict=True))
    assert best == labels and lost.id not in labels and len(labels) == 22
    assert yaml.safe_load((out / "config.yaml").read_text())["dataset"] == dataset.name
    again = subprocess.run(
        [*command, "--config", str(out / "config.yaml")], capture_output=True, text=True, env=dict(os.environ)
    )
    assert again.returncode == 0 and again.stdout.count("as it was") == 2, again.stdout + again.stderr


def test_dataset_deleted_in_mid_run(study: Study) -> None:
    from runner.integrations.fiftyone.experiment_fields import write_experiment_fields

    _, out = study
    with pytest.raises(
        RunnerError, match=f"results are complete in {out}, but not written .* no FiftyOne dataset 'gone'"
    ):
        write_experiment_fields("gone", out, read_summary(out), 1)


AWAY = """
import os, sys
from pathlib import Path
from runner.errors import RunnerError
from runner.integrations.fiftyone.experiment_fields import write_experiment_fields
from runner.results.files import read_summary
from tests.mongod import end_server, own_database, start_server
out, folder = map(Path, sys.argv[1:])
server = start_server(own_database(), folder)
import fiftyone as fo
fo.Dataset("here")
end_server(server, folder)
try:
    write_experiment_fields("here", out, read_summary(out), 1)
except RunnerError as error:
    print(error, flush=True)
"""


@pytest.mark.check
def test_database_goes_away_in_mid_run(study: Study, tmp_path: Path) -> None:
    command = [sys.executable, "-c", AWAY, str(study[1]), str(tmp_path / "server")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=150, cwd=Path(__file__).parents[3])
    message = done.stdout.strip().splitlines()[-1]
    assert "results are complete" in message and "database can't be reached (127.0.0.1" in message
    assert len(message) < 400 + len(str(study[1]))


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--write-fields", "--images", "."], "--write-fields goes with --dataset"),
        (["--samples", "x.json", "--images", "."], "--samples goes with --dataset"),
        (["--dataset", "a", "--images", "."], "give exactly one of --images, --images-from, --dataset, --embeddings"),
        ([], "not none"),
    ],
)
def test_flags_that_do_not_go_together(flags: list[str], words: str) -> None:
    done = subprocess.run([sys.executable, "-m", "runner", "experiment", *flags], capture_output=True, text=True)
    assert done.returncode == 2 and words in done.stderr
