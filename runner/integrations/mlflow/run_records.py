"""What an experiment looks like in MLflow: names, params, metrics and tags of its runs. Imports no MLflow.

MLflow's comparison charts dictate the form: a run that lacks one of the chosen params or metrics drops out of the
parallel coordinates, the text before the last ``/`` of a metric is its section, and one word among the numbers of a
param turns its axis into a list of words.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from runner.cluster.trial import ParameterValue, TrialStatus
from runner.results.summary import EmbeddingRecord, Summary, TrialRecord
from runner.score.catalogue import SCORES
from runner.utils.text import printable

EXPERIMENT_TAG = "imagesweep.experiment"
"""Fingerprint of the experiment; on the parent and on every child."""
TRIAL_TAG = "imagesweep.trial"
"""Id of the child's trial; the parent has none."""
CONTENT_TAG = "imagesweep.content"
"""Digest of what was logged, written with it: a finished run with the same one needs nothing more."""
PARENT_TAG = "mlflow.parentRunId"

PARENT = ""
"""Key of the parent run, where a child's is its trial id."""

FINISHED = "FINISHED"
FAILED = "FAILED"

OUTCOME_TAGS = ("timed_out", "mlflow.note.content", "error", "failure")
"""Tags that only a failed trial has; the error also as the run's description."""

DURATIONS = ("time/", "stage/")
"""Metrics that differ each time the same work is done; the first measurement stays."""

_VALUE_LENGTH = 5000
"""Characters of a param or tag that every MLflow store takes."""


RunFiles = Mapping[str, Path]
"""Files to keep with a run, by the name that they have there: ``clusters/cluster_000.jpg``."""


@dataclass(frozen=True)
class Metric:
    """One value; ``timestamp`` in milliseconds since the epoch. Steps above 0 make a curve of the key's values."""

    key: str
    value: float
    timestamp: int
    step: int = 0


@dataclass(frozen=True)
class RunRecord:
    """One run as MLflow is to hold it.

    Attributes:
        key: the trial id, or ``PARENT``.
        status: ``FINISHED`` or ``FAILED``.
        files: files to keep with the run, by the name that they have there.
        started_at: milliseconds since the epoch, as is ``finished_at``.
        essence: what, if it changed, means that the run must be logged again. Times are no part of it.
    """

    key: str
    name: str
    status: str
    params: Mapping[str, str]
    metrics: tuple[Metric, ...]
    tags: Mapping[str, str]
    files: RunFiles
    started_at: int
    finished_at: int
    essence: str

    def digest(self, parent: str) -> str:
        """Digest of the essence, the files' names and the parent run's id."""
        content = json.dumps([self.essence, [printable(name) for name in self.files], parent])
        return hashlib.blake2b(content.encode(), digest_size=16).hexdigest()


def files_below(folder: Path, paths: Iterable[Path]) -> RunFiles:
    """Files to keep with a run under their paths relative to ``folder``."""
    return {path.relative_to(folder).as_posix(): path for path in paths}


def trial_runs(summary: Summary, files: Mapping[str, RunFiles]) -> list[RunRecord]:
    """The child runs, in the order of the trials.

    Args:
        summary: the finished experiment.
        files: those to keep with the run of a trial, by its id.
    """
    return _ChildRuns(summary, files).all()


class _ChildRuns:
    def __init__(self, summary: Summary, files: Mapping[str, RunFiles]) -> None:
        self._summary = summary
        self._files = files
        self._embeddings = {record.key: record for record in summary.embeddings}
        self._ranks = {trial_id: rank for rank, trial_id in enumerate(summary.ranking, start=1)}
        self._last = finished_at(summary)
        scores = [asdict(record.scores) for record in summary.trials if record.scores is not None]
        self._measured = {name for each in scores for name, value in each.items() if value is not None}
        self._worded = _params_with_words(summary.trials)

    def all(self) -> list[RunRecord]:
        return [self._run(record) for record in self._summary.trials]

    def _run(self, record: TrialRecord) -> RunRecord:
        embedding = self._embeddings.get(record.embedding)
        params, worded = self._params(record, embedding)
        rank = self._ranks.get(record.id)
        return RunRecord(
            key=record.id,
            name=f"{trial_text(record)} · {embedding_text(embedding, record.embedding)}",
            status=FINISHED if record.status is TrialStatus.DONE else FAILED,
            params=params,
            metrics=tuple(self._metrics(record, rank)),
            tags=self._tags(record) | worded,
            files=self._files.get(record.id, {}),
            started_at=started_at(record),
            finished_at=record.finished_at,
            essence=_essence(record, rank),
        )

    def _params(self, record: TrialRecord, embedding: EmbeddingRecord | None) -> tuple[dict[str, str], dict[str, str]]:
        """Params, and the tags that hold what would spoil a numeric axis."""
        described = embedding_params(embedding) if embedding else {"model": record.embedding}
        fixed = described | {"algorithm": record.algorithm, "space": record.space}
        params, tags = dict(fixed), {}
        for name, value in record.params.items():
            key = metric_key(name if name not in fixed else f"{record.algorithm}_{name}")
            if name in self._worded and not _is_number(value):
                tags[f"param.{key}"] = _text(value)
            else:
                params[key] = _text(value)
        return params, tags

    def _metrics(self, record: TrialRecord, rank: int | None) -> Iterable[Metric]:
        yield Metric("time/seconds", record.seconds, record.finished_at)
        if record.scores is None or record.status is not TrialStatus.DONE:
            return
        for name, value in asdict(record.scores).items():
            if name not in self._measured:
                continue
            number = SCORES[name].undefined if value is None else float(value)
            if number is not None and math.isfinite(number):
                when = self._last if name == "ranking_score" else record.finished_at
                yield Metric(score_key(name), number, when)
        if rank is not None:
            yield Metric("score/rank", float(rank), self._last)
        for name, value in record.details.items():
            if _is_number(value):
                yield Metric(metric_key(f"detail/{name}"), float(value), record.finished_at)

    def _tags(self, record: TrialRecord) -> dict[str, str]:
        words = {f"detail.{name}": _text(value) for name, value in record.details.items() if not _is_number(value)}
        outcome = {}
        if record.error is not None:
            outcome["error"] = outcome["mlflow.note.content"] = _text(record.error)
        if record.failure is not None:
            outcome["failure"] = record.failure.value
        if record.status is TrialStatus.TIMED_OUT:
            outcome["timed_out"] = "true"
        return {
            EXPERIMENT_TAG: self._summary.experiment.fingerprint,
            TRIAL_TAG: record.id,
            "status": record.status.value,
            "embedding": _text(record.embedding),
            "mlflow.source.name": f"imagesweep {self._summary.experiment.version}",
            "mlflow.source.type": "LOCAL",
            **{metric_key(name): value for name, value in words.items()},
            **outcome,
        }


def embedding_params(embedding: EmbeddingRecord) -> dict[str, str]:
    """``model`` … ``precision``, without those that ready-made vectors do not have."""
    values = {
        "model": embedding.model,
        "weights": embedding.weights,
        "resolution": embedding.resolution,
        "fit": embedding.fit,
        "precision": embedding.precision,
        "dimension": embedding.dimension,
    }
    return {name: _text(value) for name, value in values.items() if value is not None and value != ""}


def embedding_text(embedding: EmbeddingRecord | None, key: str) -> str:
    """``ViT-B-32 224 letterbox``."""
    if embedding is None:
        return key
    parts = (embedding.model, embedding.resolution, embedding.fit)
    return printable(" ".join(str(part) for part in parts if part is not None))


def trial_text(record: TrialRecord) -> str:
    """``kmeans n_clusters=40 in pca:64``."""
    words = [
        f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in record.params.items()
    ]
    where = [] if record.space == "none" else [f"in {record.space}"]
    return printable(" ".join([record.algorithm, *words, *where]))


def score_key(name: str) -> str:
    """``score/silhouette``, ``size/n_clusters``: the metric of a score."""
    return f"{SCORES[name].section}/{name}"


def metric_key(name: str) -> str:
    """``name`` with what MLflow refuses, or its charts choke on, replaced."""
    parts = re.sub(r"[^A-Za-z0-9_./ -]", "_", name)[:200].split("/")
    return "/".join(part for part in parts if part not in ("", ".", "..")) or "_"


def _essence(record: TrialRecord, rank: int | None) -> str:
    """What a trial's run shows; another attempt that failed may have failed for another reason."""
    again = f" {record.failure} {record.attempts}" if record.failure is not None and record.attempts > 1 else ""
    return f"{record.status} {rank}{again}"


def started_at(record: TrialRecord) -> int:
    return max(0, record.finished_at - round(record.seconds * 1000))


def finished_at(summary: Summary) -> int:
    """When the last trial ended: the time of what compares trials, so that after a resume the newer value counts."""
    return max((record.finished_at for record in summary.trials), default=0)


def _params_with_words(trials: Iterable[TrialRecord]) -> set[str]:
    """Params that are numbers in some trials and words in others."""
    numbers: set[str] = set()
    words: set[str] = set()
    for record in trials:
        for name, value in record.params.items():
            (numbers if _is_number(value) else words).add(name)
    return numbers & words


def _is_number(value: ParameterValue) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _text(value: ParameterValue) -> str:
    text = repr(float(value)) if isinstance(value, float) else str(value)
    return printable(text)[:_VALUE_LENGTH]
