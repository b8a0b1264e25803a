"""What the experiment as a whole looks like in MLflow: the parent run. Imports no MLflow.

Its metrics have keys of their own (``best/…``, ``count/…``, ``null/…``, ``stage/…``, ``training/…``), so that charts of
the trials are not mixed with it. The null baselines are here and not runs of their own: a child is a trial.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from runner.cluster.trial import TrialStatus
from runner.integrations.mlflow.run_records import (
    EXPERIMENT_TAG,
    FINISHED,
    PARENT,
    Metric,
    RunRecord,
    embedding_text,
    finished_at,
    metric_key,
    started_at,
    trial_text,
)
from runner.results.summary import EmbeddingTraining, Summary
from runner.utils.text import printable

_NAMED = 10
"""Trials in the run's description."""


def parent_run(summary: Summary, out: Path) -> RunRecord:
    """The parent run, without its files.

    Args:
        summary: the finished experiment.
        out: the results folder, which a tag names.
    """
    statuses = [(record.id, record.status.value) for record in summary.trials]
    return RunRecord(
        key=PARENT,
        name=parent_run_name(summary.experiment.name),
        status=FINISHED,
        params=_params(summary),
        metrics=tuple(_metrics(summary)),
        tags=_tags(summary, out),
        files={},
        started_at=min((started_at(record) for record in summary.trials), default=0),
        finished_at=finished_at(summary),
        essence=json.dumps([statuses, summary.ranking]),
    )


def parent_run_name(experiment_name: str) -> str:
    """The parent run's name: a Python identifier, so that FiftyOne takes it as a run key, and not the experiment's own.

    FiftyOne's MLflow plugin finds a run's counterpart in a dataset by that name, and the experiment's by its own.
    """
    plain = re.sub(r"_+", "_", re.sub(r"\W", "_", experiment_name, flags=re.ASCII)).strip("_")[:40].rstrip("_")
    return f"{plain}_sweep" if plain and not plain[0].isdigit() else f"sweep_{plain}".rstrip("_")


def _params(summary: Summary) -> dict[str, str]:
    def listed(values: Iterable[str]) -> str:
        return printable(", ".join(dict.fromkeys(values)))[:5000]

    return {
        "seed": str(summary.experiment.seed),
        "embeddings": str(len(summary.embeddings)),
        "models": listed(record.model for record in summary.embeddings),
        "algorithms": listed(record.algorithm for record in summary.trials),
        "spaces": listed(record.space for record in summary.trials),
    }


def _metrics(summary: Summary) -> Iterable[Metric]:
    values: dict[str, float] = {
        "count/images": summary.images.found - len(summary.images.skipped),
        "count/skipped_images": len(summary.images.skipped),
        "count/trials": len(summary.trials),
        "count/ranked": len(summary.ranking),
    }
    for status in TrialStatus:
        values[f"count/{status}"] = sum(record.status is status for record in summary.trials)
    scores = [record.scores for record in summary.trials if record.scores is not None]
    values["count/beats_null"] = sum(each.beats_null is True for each in scores)
    if summary.ranking:
        best = summary.trial(summary.ranking[0]).scores
        values |= {f"best/{name}": value for name, value in asdict(best).items() if value is not None} if best else {}
    if summary.null_baselines:
        strongest = min(summary.null_baselines, key=lambda record: record.rank)
        scored = {f"null/{name}": value for name, value in asdict(strongest.scores).items() if value is not None}
        values |= {"null/rank": strongest.rank, "null/count": len(summary.null_baselines), **scored}
    values |= {f"stage/{name}_seconds": seconds for name, seconds in summary.seconds.items()}
    when = finished_at(summary)
    yield from (Metric(metric_key(name), float(value), when) for name, value in values.items() if math.isfinite(value))
    for training in summary.trainings:
        yield from _training_curves(training)


def _training_curves(training: EmbeddingTraining) -> Iterable[Metric]:
    when = training.record.finished_at
    for step, epoch in enumerate(training.record.epochs, start=1):
        for part, loss in {"training_loss": epoch.training, "validation_loss": epoch.validation}.items():
            yield Metric(metric_key(f"training/{training.embedding}/{part}"), loss, when, step)


def _tags(summary: Summary, out: Path) -> dict[str, str]:
    tags = {
        EXPERIMENT_TAG: summary.experiment.fingerprint,
        "results": printable(out.absolute().name),
        "mlflow.note.content": _description(summary, out),
        "mlflow.source.name": f"imagesweep {summary.experiment.version}",
        "mlflow.source.type": "LOCAL",
    }
    if summary.experiment.yardstick:
        tags["yardstick"] = printable(summary.experiment.yardstick)[:5000]
    if summary.ranking:
        tags["best_trial"] = summary.ranking[0]
    return tags


def _description(summary: Summary, out: Path) -> str:
    """Markdown that MLflow shows on the run's page."""
    images = summary.images.found - len(summary.images.skipped)
    lines = [f"{len(summary.trials):,} trials on {images:,} images; results in `{printable(out.absolute().name)}`.", ""]
    if summary.experiment.yardstick:
        lines += [printable(summary.experiment.yardstick), ""]
    embeddings = {record.key: record for record in summary.embeddings}
    if summary.ranking:
        lines += ["| rank | trial | embedding | clusters | noise |", "| --- | --- | --- | --- | --- |"]
    for rank, trial_id in enumerate(summary.ranking[:_NAMED], start=1):
        record = summary.trial(trial_id)
        if record.scores is None:
            continue
        where = embedding_text(embeddings.get(record.embedding), record.embedding)
        sizes = f"{record.scores.n_clusters} | {record.scores.noise_share:.1%}"
        lines.append(f"| {rank} | {trial_text(record)} | {where} | {sizes} |".replace("`", ""))
    return "\n".join(lines)[:5000]
