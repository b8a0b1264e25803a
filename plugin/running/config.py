"""From the form of *Run clustering experiment* to the engine's settings."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .workspace import default_folder

if TYPE_CHECKING:
    from runner.config.experiment import ExperimentConfig
    from runner.embed.embedding_config import EmbeddingConfig

_LISTS = ("models", "resolutions", "preprocess", "algorithms", "spaces")
_TEXTS = ("sample", "labels", "tracking_uri", "mode", "device")
_NUMBERS = ("top", "max_trials", "seed", "batch_size", "workers", "pair_weight")
_SWITCHES = ("retry_failed",)

DEFAULTS = {"models": ["efficientnet_lite0"], "mode": "fast", "top": 3}
"""Where the form, or a call from Python, says nothing: the model that needs no download, and a quick look."""


def settings_of(dataset: Any, name: str, params: Mapping[str, Any]) -> ExperimentConfig:
    """The settings that the form describes, without the samples and pairs.

    Raises:
        UsageError: naming the setting, its value and what is allowed.
    """
    from runner.config.file import load_config
    from runner.errors import UsageError
    from runner.integrations.mlflow.address import TrackingAddress

    if TrackingAddress.of(params.get("tracking_uri") or "").has_secrets:
        raise UsageError(
            "The tracking URI holds a user, password or token, and FiftyOne keeps what is entered here in its "
            "database; set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, where "
            "FiftyOne runs, and leave them out here."
        )
    settings: dict[str, Any] = {
        **DEFAULTS,
        "dataset": dataset.name,
        "experiment_name": name,
        "out": results_folder(dataset, name, params),
    }
    for key in (*_LISTS, *_TEXTS, *_NUMBERS, *_SWITCHES):
        value = params.get(key)
        if value not in (None, "", []):
            settings[key] = value
    return load_config(settings)


def results_folder(dataset: Any, name: str, params: Mapping[str, Any]) -> Path:
    """The folder that the user chose, or the one for this dataset and experiment."""
    chosen = params.get("out")
    return Path(chosen).expanduser() if chosen else default_folder(dataset, name)


def plan_lines(config: ExperimentConfig, n_images: int) -> Sequence[str]:
    """What the settings will cost, and anything that is wrong with them, quickly and without opening an image.

    Args:
        config: the settings.
        n_images: before sampling.

    Raises:
        RunnerError: an unknown model, a value that cannot work, weights that cannot be had.
    """
    from runner.cluster.grids import check_sizes, parse_grids
    from runner.config.file import load_preset
    from runner.embed.pipeline import EmbeddingPlan
    from runner.embed.resolve_models import resolve_models
    from runner.embed.training.train import is_wanted
    from runner.experiment.plan import Plan

    n = _sampled(n_images, config.sample)
    grids = parse_grids(
        load_preset(config.mode), algorithms=config.algorithms, spaces=config.spaces, overrides=config.sweep
    )
    check_sizes(grids, n)
    named = [name for name in config.models if not is_wanted(name)]
    models = resolve_models(named, config.resolutions, config.preprocess, config.precision, config.cache_dir)
    to_train = [name for name in config.models if is_wanted(name)]
    each = max(1, len(config.resolutions)) * len(config.preprocess)
    plan = Plan(
        location=str(config.dataset),
        n_images=n,
        n_names=n,
        total=n_images,
        skipped=(),
        embeddings=[EmbeddingPlan(name, 0, n) for name in [*(one.key for one in models.configs), *to_train * each]],
        grids=grids,
        max_trials=config.max_trials,
        out=str(config.out),
        tracking_uri=config.tracking_uri or "",
    )
    embeddings, trials = len(plan.embeddings), plan.trials_per_embedding
    of_all = "" if n == n_images else f" of {n_images:,}"
    return [
        f"About {plan.trials:,} trials: {trials} clusterings of {_counted(embeddings, 'embedding')}, "
        f"{n:,}{of_all} images.",
        f"At most {n * embeddings:,} forward passes; images that were embedded before cost nothing.",
        _time_line(config, models.configs, n, plan.trials),
        *models.notes,
        *(f"{name} is trained on the images first, which takes minutes for a thousand of them." for name in to_train),
    ]


def _time_line(config: ExperimentConfig, embeddings: Sequence[EmbeddingConfig], n: int, trials: int) -> str:
    """How long it will take, by what earlier runs took here."""
    from .time_estimate import Model, known_paces, seconds_of_passes, seconds_of_trials

    paces = known_paces(config.cache_dir)
    passes = Counter[Model]()
    for one in embeddings:
        passes[Model(name=f"{one.model}:{one.weights}", resolution=one.resolution, device=config.device)] += n
    embedding, clustering = seconds_of_passes(paces, passes), seconds_of_trials(paces, trials, n)
    if embedding is None and clustering is None:
        return "How long that takes is not known yet: no earlier run here is like it."
    told = (
        f"forward passes {'not known yet' if embedding is None else f'at most {duration(embedding)}'}, "
        f"clusterings {'not known yet' if clustering is None else duration(clustering)}"
    )
    if embedding is None or clustering is None:
        return f"By earlier runs here: {told}."
    return f"Roughly {duration(embedding + clustering)} by earlier runs here: {told}."


def duration(seconds: float) -> str:
    """``40 s``, ``12 min``, ``3.5 h``."""
    if seconds < 100:
        return f"{max(1, seconds):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def _sampled(n_images: int, sample: int | float | None) -> int:
    wanted = n_images if sample is None else math.ceil(sample * n_images) if isinstance(sample, float) else sample
    return min(n_images, wanted)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
