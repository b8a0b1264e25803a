"""Writing runs: each exactly once, whenever the process died before.

A run is created with the tags that find it again, then gets one batch with the times at which things happened, then
its files, and its end last. A run that has ended with the same content is left alone; any other is logged again into
the same run, where what is there already changes nothing.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from runner.integrations.mlflow.known_runs import KnownRun, find_runs, is_up_to_date
from runner.integrations.mlflow.run_records import (
    CONTENT_TAG,
    DURATIONS,
    EXPERIMENT_TAG,
    FAILED,
    FINISHED,
    OUTCOME_TAGS,
    PARENT,
    PARENT_TAG,
    TRIAL_TAG,
    RunFiles,
    RunRecord,
)
from runner.utils.atomic import temporary_folder
from runner.utils.drives import link_or_copy
from runner.utils.text import printable

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

Files = Callable[[str], RunFiles]
"""Gives the files to keep with a run."""

Progress = Callable[[int, int], None]
"""Told how many of how many runs are done."""

_PER_BATCH = 100
_METRICS_PER_BATCH = 1000
"""Params or tags in one request, by MLflow's limit; for metrics it is 1000, more than a run has."""

_NAME_LENGTH = 500
_DIGEST_LENGTH = 36


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
        return replace(self.parent, files=self.parent_files(run_id))


@dataclass(frozen=True)
class LoggedRuns:
    """What logging came to: how many runs (the parent included) were created, completed, and left alone."""

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
        self._new: set[str] = set()
        self._resumed: set[str] = set()

    def write(self) -> LoggedRuns:
        """Bring the store up to date; the parent run is opened first and ended last."""
        runs, total = self._runs, self._runs.count
        parent = self._known.get(PARENT) or self._create(runs.parent, {})
        for done, record in enumerate(runs.children):
            self._progress(done, total)
            self._bring_up_to_date(record, parent.run_id)
        self._progress(total - 1, total)
        self._bring_up_to_date(runs.finished_parent(parent.run_id), parent.run_id)
        self._progress(total, total)
        created, resumed = len(self._new), len(self._resumed - self._new)
        return LoggedRuns(parent.run_id, created, resumed, skipped=total - created - resumed)

    def _bring_up_to_date(self, record: RunRecord, parent_id: str) -> None:
        known = self._known.get(record.key)
        if is_up_to_date(known, record, parent_id):
            return
        if known and known.status == FINISHED and record.status == FAILED:
            self._client.delete_run(known.run_id)  # its scores are no longer true, and MLflow takes no metric back
            known = None
        run = known or self._create(record, {PARENT_TAG: parent_id})
        if run.ended:
            self._client.update_run(run.run_id, status="RUNNING")
        self._resumed.add(run.run_id)
        self._log_content(run, record, parent_id)
        if record.key == PARENT:
            self._log_dataset(run.run_id)
        self._log_files(run.run_id, record.files)
        self._client.set_terminated(run.run_id, record.status, record.finished_at)

    def _create(self, record: RunRecord, tags: dict[str, str]) -> KnownRun:
        identity = {key: value for key, value in record.tags.items() if key in (EXPERIMENT_TAG, TRIAL_TAG)} | tags
        run = self._client.create_run(self._experiment_id, record.started_at, identity, record.name)
        self._new.add(run.info.run_id)
        self._known[record.key] = KnownRun(run.info.run_id, run.info.status, identity, {}, {})
        return self._known[record.key]

    def _log_content(self, run: KnownRun, record: RunRecord, parent_id: str) -> None:
        """Params, metrics and tags, but for what the run has already: MLflow refuses to change a param, and would add
        a second point to a metric that was measured anew."""
        from mlflow.entities import Metric, Param, RunTag

        for stale in OUTCOME_TAGS:
            if stale in run.tags and stale not in record.tags:
                self._client.delete_tag(run.run_id, stale)
        params = [Param(key, value) for key, value in record.params.items() if key not in run.params]
        last = {each.key: each.value for each in record.metrics}
        metrics = [
            Metric(each.key, each.value, each.timestamp, each.step)
            for each in record.metrics
            if each.key not in run.metrics
            or (run.metrics[each.key] != last[each.key] and not each.key.startswith(DURATIONS))
        ]
        tags = [RunTag(key, value) for key, value in {**record.tags, CONTENT_TAG: record.digest(parent_id)}.items()]
        if record.key != PARENT:
            tags.append(RunTag(PARENT_TAG, parent_id))
        batches = max(len(params) / _PER_BATCH, len(tags) / _PER_BATCH, len(metrics) / _METRICS_PER_BATCH)
        for number in range(math.ceil(batches)):
            part = slice(number * _PER_BATCH, (number + 1) * _PER_BATCH)
            some = slice(number * _METRICS_PER_BATCH, (number + 1) * _METRICS_PER_BATCH)
            self._client.log_batch(run.run_id, metrics[some], params[part], tags[part])

    def _log_files(self, run_id: str, files: RunFiles) -> None:
        """Keep just these, and not what else lies beside them; a folder of links to them makes it one request."""
        if not files:
            return
        with temporary_folder(Path(tempfile.gettempdir())) as folder:
            for name, path in files.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                link_or_copy(path, folder / name)
            self._client.log_artifacts(run_id, str(folder))

    def _log_dataset(self, run_id: str) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        images = self._runs.dataset
        if images is None:
            return
        dataset = Dataset(
            name=printable(images.name)[:_NAME_LENGTH],
            digest=images.digest[:_DIGEST_LENGTH],
            source_type="local",
            source=json.dumps({"uri": printable(images.source)}),
            profile=json.dumps({"num_images": images.count}),
        )
        self._client.log_inputs(run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", "clustering")])])
