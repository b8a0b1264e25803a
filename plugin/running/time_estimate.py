"""How long work takes on this machine, measured on finished runs, so that a form can say it before the next one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

if TYPE_CHECKING:
    from runner.config.experiment import ExperimentConfig
    from runner.results.summary import Summary

FILE = Path("fiftyone") / "pace.jsonl"
"""In the cache folder; a line per run."""

_LATEST = 200
"""Runs that are looked at."""

_COMPARABLE = 10.0
"""Clusterings of so many times more or fewer images say nothing: some of their time grows with the images, some not."""


class Model(BaseModel):
    """What the time of a forward pass depends on."""

    model_config = ConfigDict(frozen=True)

    name: str
    resolution: int
    device: str


class Pace(BaseModel):
    """What one run did, and how long that took.

    ``passes`` are forward passes by model, ``embedding_seconds`` all of their time. ``trials`` of ``images`` each took
    ``clustering_seconds``, with all that belongs to them: neighbours, ranking, pictures, MLflow, fields.
    """

    model_config = ConfigDict(frozen=True)

    passes: tuple[tuple[Model, int], ...]
    embedding_seconds: float
    images: int
    trials: int
    clustering_seconds: float


def pace_of(config: ExperimentConfig, summary: Summary, started: float, seconds: float) -> Pace:
    """What a run did that began at ``started`` (seconds since the epoch) and took so many seconds; what it found done
    already does not count."""
    embedding = summary.seconds.get("embedding", 0.0)
    return Pace(
        passes=tuple(
            (Model(name=f"{one.model}:{one.weights}", resolution=one.resolution, device=config.device), one.embedded)
            for one in summary.embeddings
            if one.resolution is not None and one.embedded
        ),
        embedding_seconds=embedding,
        images=summary.images.found - len(summary.images.skipped),
        trials=sum(trial.finished_at >= started * 1000 for trial in summary.trials),
        clustering_seconds=seconds - embedding,
    )


def keep_pace(cache_dir: Path, pace: Pace) -> None:
    """Add a run to those that are known."""
    path = cache_dir.expanduser() / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as lines:
        lines.write(pace.model_dump_json() + "\n")


def known_paces(cache_dir: Path) -> list[Pace]:
    """The runs that are known, the latest first; lines that are damaged are left out."""
    path = cache_dir.expanduser() / FILE
    if not path.is_file():
        return []
    lines = path.read_text("utf-8", "replace").splitlines()[-_LATEST:]
    return [pace for pace in map(_parsed, reversed(lines)) if pace is not None]


def seconds_of_passes(paces: Iterable[Pace], passes: Mapping[Model, int]) -> float | None:
    """How long forward passes will take; None where a model has not been seen on that device.

    Args:
        paces: known runs, the latest first.
        passes: how many, by model.
    """
    known = list(paces)
    rates = [_seconds_per_pass(known, model) for model in passes]
    if any(rate is None for rate in rates):
        return None
    return sum(rate * count for rate, count in zip(rates, passes.values(), strict=True) if rate is not None)


def seconds_of_trials(paces: Iterable[Pace], trials: int, images: int) -> float | None:
    """How long clusterings will take, by the run that is most like it; None where none has a comparable number of
    images. Each run also takes some time whatever its size, so that a smaller one makes this an upper bound."""
    comparable = [pace for pace in paces if pace.trials and pace.images and _ratio(images, pace.images) <= _COMPARABLE]
    if not comparable:
        return None
    nearest = min(comparable, key=lambda pace: _ratio(images, pace.images) * _ratio(trials, pace.trials))
    return nearest.clustering_seconds * trials / nearest.trials * images / nearest.images


def _ratio(first: int, second: int) -> float:
    """How many times the larger one is the smaller one."""
    return max(first, second) / max(1, min(first, second))


def _seconds_per_pass(paces: Sequence[Pace], wanted: Model) -> float | None:
    """By the run with the fewest other models in it; at another resolution by the number of pixels."""
    known = [
        (model.resolution != wanted.resolution, len(pace.passes), pace, model)
        for pace in paces
        for model, _ in pace.passes
        if (model.name, model.device) == (wanted.name, wanted.device)
    ]
    if not known:
        return None
    _, _, pace, model = min(known, key=lambda one: one[:2])
    rate = pace.embedding_seconds / sum(count for _, count in pace.passes)
    return rate * (wanted.resolution / model.resolution) ** 2


def _parsed(line: str) -> Pace | None:
    try:
        return Pace.model_validate_json(line)
    except ValidationError:
        return None
