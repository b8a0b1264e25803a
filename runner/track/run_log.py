"""Writing runs: each exactly once, whenever the process died before.

A run is created with the tags that find it again, then gets one batch with the times at which things happened, then
its files, and its end last. A run that has ended with the same content is left alone; any other is logged again into
the same run, where what is there already changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from runner.track.known_runs import KnownRun, find_runs, is_up_to_date
from runner.track.run_records import (
    CONTENT_TAG,
    EXPERIMENT_TAG,
    FAILED,
    FINISHED,
    OUTCOME_TAGS,
    PARENT_TAG,
    TRIAL_TAG,
    RunRecord,
)

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

Files = Callable[[str], Sequence[Path]]
"""Files and folders to keep with a run."""

Progress = Callable[[int, int], None]
"""Told how many of how many runs are done."""

_PARAMS_PER_BATCH = 100
_METRICS_PER_BATCH = 800


@dataclass(frozen=True)
class ImagesDataset:
    """The images as an MLflow dataset.

    Attributes:
        name: short name, e.g. the folder's.
        source: where they come from: a folder, or the name of a FiftyOne dataset.
        digest: changes with the images' content; at most 36 characters are kept.
        count: number of images.
    """

    name: str
    source: str
    digest: str
    count: int


@dataclass(frozen=True)
class ExperimentRuns:
    """All that is to be logged of one experiment. ``parent`` is without its files, which ``parent_files`` gives once
    the run's id is known."""

    fingerprint: str
    parent: RunRecord
    parent_files: Files
    children: Sequence[RunRecord]
    dataset: ImagesDataset | None

    @property
    def count(self) -> int:
        return len(self.children) + 1

    def finished_parent(self, run_id: str) -> RunRecord:
        return replace(self.parent, files=tuple(self.parent_files(run_id)))


@dataclass(frozen=True)
class LoggedRuns:
    """What logging came to: how many runs (the parent included) were created, completed or corrected, and left alone."""

    parent_run_id: str
    created: int
    resumed: int
    skipped: int


class RunLog:
    """The runs of one experiment in one store."""

    def __init__(self, client: MlflowClient, experiment_id: str, runs: ExperimentRuns, progress: Progress) -> None:
        self._client = client
        self._experiment_id = experiment_id
        self._runs = runs
        self._progress = progress
        self._known = find_runs(client, experiment_id, runs.fingerprint)
        self._created = 0
        self._resumed = 0

    def write(self) -> LoggedRuns:
        """Bring the store up to date: the parent is opened first and ended last."""
        runs, total = self._runs, self._runs.count
        parent_id = self._opened_parent()
        for done, record in enumerate(runs.children):
            self._progress(done, total)
            if not is_up_to_date(self._known.get(record.key), record, parent_id):
                self._log(self._opened_child(record, parent_id), record, parent_id)
        self._progress(total - 1, total)
        record = runs.finished_parent(parent_id)
        if not is_up_to_date(self._known.get(""), record, parent_id):
            self._log(self._reopened(self._known[""]), record, parent_id)
        self._progress(total, total)
        return LoggedRuns(parent_id, self._created, self._resumed, total - self._created - self._resumed)

    def _opened_parent(self) -> str:
        known = self._known.get("")
        return known.run_id if known else self._create(self._runs.parent, {}).run_id
