"""Logging an experiment: every run exactly once, whenever the process died before.

For each run: created with the tags that find it again, then one batch with the times at which things happened, then
its files, and its end last. A run that has ended with the same content is left alone; any other is logged again into
the same run, where what is there already changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import RunnerError, UsageError
from runner.output.atomic import printable
from runner.output.summary import Summary
from runner.track.known_runs import KnownRun, find_runs, find_runs_in_file, is_up_to_date
from runner.track.mlflow_store import open_store
from runner.track.parent_record import parent_run
from runner.track.run_records import (
    CONTENT_TAG,
    EXPERIMENT_TAG,
    FAILED,
    FINISHED,
    OUTCOME_TAGS,
    PARENT_TAG,
    TRIAL_TAG,
    RunRecord,
    trial_runs,
)
from runner.track.shared_view import experiment_tags
from runner.track.tracking_uri import ARTIFACTS, checked_tracking_uri, is_remote, sqlite_file, without_password

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

Files = Callable[[str], Sequence[Path]]
Progress = Callable[[int, int], None]

_PARAMS_PER_BATCH = 100
_METRICS_PER_BATCH = 800
_DIGEST_LENGTH = 36
_NAME_LENGTH = 250


@dataclass(frozen=True)
class LoggedRuns:
    """What logging came to: how many runs (the parent included) were created, completed or changed, and left alone."""

    parent_run_id: str
    created: int
    resumed: int
    skipped: int


@dataclass(frozen=True)
class ImagesDataset:
    """The images as an MLflow dataset: ``source`` is their folder or where else they come from, ``digest`` changes with
    their content."""

    name: str
    source: str
    digest: str
    count: int


def log_experiment(
    summary: Summary,
    *,
    tracking_uri: str,
    experiment_name: str,
    out: Path,
    dataset: ImagesDataset | None = None,
    trial_files: Files = lambda trial_id: (),
    experiment_files: Files = lambda run_id: (),
    progress: Progress = lambda done, total: None,
) -> LoggedRuns:
    """Log a finished experiment to MLflow; called again, only what is missing.

    Args:
        summary: the experiment; its fingerprint tells it from others.
        tracking_uri: the store, see :func:`~runner.track.tracking_uri.default_tracking_uri`.
        experiment_name: the MLflow experiment, created if need be.
        out: the results folder.
        dataset: the images; logged with the parent run.
        trial_files: files and folders to keep with the run of a trial id; empty for most.
        experiment_files: files and folders to keep with the parent run, called with its id once that is known.
        progress: called with how many of how many runs are done.

    Raises:
        UsageError: if the URI or the name cannot be used.
        RunnerError: if the store cannot be reached or written. What was logged until then stays, and is completed by
            the next call.
    """
    name = checked_experiment_name(experiment_name)
    uri = checked_tracking_uri(tracking_uri)
    children = trial_runs(summary, {record.id: tuple(trial_files(record.id)) for record in summary.trials})

    def parent_record(run_id: str) -> RunRecord:
        return parent_run(summary, out, tuple(experiment_files(run_id)))

    done = _already_logged(uri, name, summary.experiment.fingerprint, children, parent_record)
    if done is not None:
        return done
    with open_store(uri, out) as client:
        experiment_id = _experiment(client, name, uri, out)
        log = _ExperimentLog(client, experiment_id, summary.experiment.fingerprint, progress)
        return log.write(children, parent_record, dataset)


def check_store(tracking_uri: str, experiment_name: str, out: Path) -> None:
    """See that runs can be logged there, before hours of work depend on it; creates nothing but a fresh SQLite store.

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


def _already_logged(
    uri: str, name: str, fingerprint: str, children: Sequence[RunRecord], parent_record: Callable[[str], RunRecord]
) -> LoggedRuns | None:
    """The answer for an experiment that a local store holds as a whole, without importing MLflow."""
    database = sqlite_file(uri)
    known = find_runs_in_file(database, name, fingerprint) if database is not None else {}
    parent = known.get("")
    if parent is None or not all(is_up_to_date(known.get(record.key), record, parent.run_id) for record in children):
        return None
    if not is_up_to_date(parent, parent_record(parent.run_id), parent.run_id):
        return None
    return LoggedRuns(parent.run_id, created=0, resumed=0, skipped=len(children) + 1)


class _ExperimentLog:
    """The runs of one experiment in one store."""

    def __init__(self, client: MlflowClient, experiment_id: str, fingerprint: str, progress: Progress) -> None:
        self._client = client
        self._experiment_id = experiment_id
        self._fingerprint = fingerprint
        self._progress = progress
        self._known = find_runs(client, experiment_id, fingerprint)
        self._created = 0
        self._resumed = 0

    def write(
        self, children: Sequence[RunRecord], parent_record: Callable[[str], RunRecord], dataset: ImagesDataset | None
    ) -> LoggedRuns:
        parent, total = self._known.get(""), len(children) + 1
        if parent is None:
            parent = self._create(parent_record(""), None)
        for done, record in enumerate(children):
            self._progress(done, total)
            self._log(record, parent.run_id)
        self._progress(total - 1, total)
        self._log(parent_record(parent.run_id), parent.run_id, dataset)
        self._progress(total, total)
        return LoggedRuns(parent.run_id, self._created, self._resumed, total - self._created - self._resumed)
