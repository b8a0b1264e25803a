"""The engine's call behind *Run clustering experiment* and *Rank again*."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .config import results_folder, settings_of
from .time_estimate import keep_pace, pace_of

if TYPE_CHECKING:
    from runner.config.experiment import ExperimentConfig

logger = logging.getLogger(__name__)

_FOLDER = "dataset"
"""Folder in the results folder with what the dataset has to say."""


def prepare(dataset: Any, name: str, params: Mapping[str, Any], sample_ids: Sequence[str]) -> ExperimentConfig:
    """Settings with what the dataset itself has to say: which samples, and which pairs of them belong together.

    Raises:
        RunnerError: the results folder cannot be written.
    """
    from runner.utils.atomic import write_text

    path = _samples_path(dataset, name, params)
    make_folder(path.parent)
    write_text(path, json.dumps(list(sample_ids)))
    config = settings_of(dataset, name, params)
    return with_pairs(dataset, config.model_copy(update={"samples": path, "write_fields": True}))


def interrupted_samples(dataset: Any, name: str, params: Mapping[str, Any]) -> list[str] | None:
    """Ids of the samples that a run of that name was started with; None if there was none.

    Raises:
        RunnerError: the list of them is damaged.
    """
    from runner.experiment.open_source import read_sample_ids

    path = _samples_path(dataset, name, params)
    return read_sample_ids(path) if path.is_file() else None


def _samples_path(dataset: Any, name: str, params: Mapping[str, Any]) -> Path:
    return results_folder(dataset, name, params) / _FOLDER / "samples.json"


def finished_config(dataset: Any, out: Path, **changes: Any) -> ExperimentConfig:
    """The settings that results were made with, for the dataset by its present name.

    Raises:
        UsageError: the images did not come from a dataset.
        RunnerError: the settings are gone.
    """
    from runner.config.file import load_config
    from runner.errors import UsageError
    from runner.results.paths import CONFIG

    config = load_config(changes, file=out / CONFIG)
    if config.dataset is None:
        raise UsageError(
            f"The experiment in {out} was made from files, not from the dataset, and pairs of samples mean nothing to "
            f"it; use `runner experiment --config {out / CONFIG} --pairs FILE`."
        )
    return config.model_copy(update={"dataset": dataset.name, "out": out})


def with_pairs(dataset: Any, config: ExperimentConfig) -> ExperimentConfig:
    """The settings with the dataset's present pairs."""
    from runner.integrations.fiftyone.pair_store import write_pairs_file

    path = config.out / _FOLDER / "pairs.yaml"
    make_folder(path.parent)
    pairs = write_pairs_file(dataset, path)
    return config.model_copy(update={"pairs": path if len(pairs) else None})


def run(config: ExperimentConfig) -> str:
    """Run it; what came of it, in one sentence."""
    from runner.experiment.run import run_experiment
    from runner.results.display_names import trial_name

    started, clock = time.time(), time.monotonic()
    summary = run_experiment(config)
    try:
        keep_pace(config.cache_dir, pace_of(config, summary, started, time.monotonic() - clock))
    except OSError as error:  # what was to be done is done
        logger.warning("the time it took is not kept for later estimates: %s", error)
    best = summary.trial(summary.ranking[0])
    clusters = best.scores.n_clusters if best.scores is not None else 0
    return f"{len(summary.ranking)} clusterings ranked, the best with {clusters} clusters: {trial_name(best)}"


def make_folder(folder: Path) -> None:
    """Create a folder; RunnerError says why that is not possible."""
    from runner.errors import RunnerError

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunnerError(f"{folder} cannot be written ({error.strerror}); choose another results folder") from error
