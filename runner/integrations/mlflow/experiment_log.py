"""Logging a finished experiment to MLflow: what the rest of the program calls."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import RunnerError, UsageError
from runner.integrations.mlflow.address import without_secrets
from runner.integrations.mlflow.known_runs import find_runs_in_file, is_up_to_date
from runner.integrations.mlflow.mlflow_store import open_store
from runner.integrations.mlflow.parent_record import parent_run
from runner.integrations.mlflow.run_log import ExperimentRuns, Files, ImagesDataset, LoggedRuns, Progress, RunLog
from runner.integrations.mlflow.run_records import PARENT, trial_runs
from runner.integrations.mlflow.shared_view import experiment_tags
from runner.integrations.mlflow.tracking_uri import ARTIFACTS, checked_tracking_uri, is_remote, sqlite_file
from runner.results.summary import Summary
from runner.utils.text import printable

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

_NAME_LENGTH = 250


def log_experiment(
    summary: Summary,
    *,
    tracking_uri: str,
    experiment_name: str,
    out: Path,
    dataset: ImagesDataset | None = None,
    trial_files: Files = lambda trial_id: {},
    experiment_files: Files = lambda run_id: {},
    progress: Progress = lambda done, total: None,
) -> LoggedRuns:
    """Log a finished experiment to MLflow; called again, only what is missing.

    Args:
        summary: the experiment; its fingerprint tells it from others.
        tracking_uri: the store, see :func:`~runner.integrations.mlflow.tracking_uri.default_tracking_uri`.
        experiment_name: the MLflow experiment, created if need be.
        out: the results folder.
        dataset: the images; logged with the parent run.
        trial_files: files to keep with the run of a trial id; none for most.
        experiment_files: files to keep with the parent run, called with its id once that is known.
        progress: called with how many of how many runs are done.

    Raises:
        UsageError: if the URI or the name cannot be used.
        RunnerError: if the store cannot be reached or written. What was logged until then stays, and is completed by
            the next call.
    """
    name = checked_experiment_name(experiment_name)
    uri = checked_tracking_uri(tracking_uri)
    runs = ExperimentRuns(
        fingerprint=summary.experiment.fingerprint,
        parent=parent_run(summary, out),
        parent_files=experiment_files,
        children=trial_runs(summary, {record.id: trial_files(record.id) for record in summary.trials}),
        dataset=dataset,
    )
    done = _already_logged(uri, name, runs)
    if done is not None:
        return done
    with open_store(uri, out) as client:
        experiment_id = _experiment(client, name, uri, out, experiment_tags(summary))
        return RunLog(client, experiment_id, runs, progress).write()


def check_store(tracking_uri: str, experiment_name: str, out: Path) -> None:
    """See that runs can be logged there, before hours of work depend on it; creates a fresh SQLite store, nothing else.

    Raises:
        UsageError: if the URI or the name cannot be used.
        RunnerError: if the store cannot be reached, or the experiment was deleted there.
    """
    name = checked_experiment_name(experiment_name)
    uri = checked_tracking_uri(tracking_uri)
    with open_store(uri, out) as client:
        _existing_experiment(client, name, uri)


def checked_experiment_name(name: str) -> str:
    """``name`` as MLflow can hold it.

    Raises:
        UsageError: if it is empty or too long.
    """
    cleaned = "".join(character if character.isprintable() else " " for character in printable(name)).strip()
    if not cleaned or len(cleaned) > _NAME_LENGTH:
        raise UsageError(f"--experiment-name {name!r} must have 1 to {_NAME_LENGTH} visible characters")
    return cleaned


def _already_logged(uri: str, name: str, runs: ExperimentRuns) -> LoggedRuns | None:
    """The answer for an experiment that a local store holds as a whole, without importing MLflow."""
    database = sqlite_file(uri)
    known = find_runs_in_file(database, name, runs.fingerprint) if database is not None else {}
    parent = known.get(PARENT)
    if parent is None or not all(is_up_to_date(known.get(child.key), child, parent.run_id) for child in runs.children):
        return None
    if not is_up_to_date(parent, runs.finished_parent(parent.run_id), parent.run_id):
        return None
    return LoggedRuns(parent.run_id, created=0, resumed=0, skipped=runs.count)


def _experiment(client: MlflowClient, name: str, uri: str, out: Path, tags: Mapping[str, str]) -> str:
    """Id of the MLflow experiment, created if there is none."""
    experiment_id = _existing_experiment(client, name, uri)
    if experiment_id is None:
        return str(client.create_experiment(name, artifact_location=_artifact_location(uri, out), tags=dict(tags)))
    for key, value in tags.items():
        client.set_experiment_tag(experiment_id, key, value)
    return experiment_id


def _existing_experiment(client: MlflowClient, name: str, uri: str) -> str | None:
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        return None
    if experiment.lifecycle_stage == "deleted":
        raise RunnerError(
            f"the MLflow experiment {name!r} has been deleted in {without_secrets(uri)}; choose another "
            f"--experiment-name, or restore it: MLFLOW_TRACKING_URI={without_secrets(uri)} "
            f"mlflow experiments restore --experiment-id {experiment.experiment_id}"
        )
    return str(experiment.experiment_id)


def _artifact_location(uri: str, out: Path) -> str | None:
    """Beside the SQLite file, else in the results folder; a server knows its own place."""
    if is_remote(uri):
        return None
    database = sqlite_file(uri)
    return ((database.parent if database else out.absolute()) / ARTIFACTS).as_uri()
