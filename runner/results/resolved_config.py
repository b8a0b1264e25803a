"""The settings that ``config.yaml`` holds: they give the same results again, from any folder and in later versions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from runner.cluster.grids import Grid, grids_as_settings
from runner.config.experiment import ExperimentConfig
from runner.images.image_list import STDIN
from runner.results.paths import IMAGE_LIST

_FILES = ("images_from", "embeddings", "paths", "samples", "pairs", "cache_dir", "out")


def resolved_config(
    config: ExperimentConfig, *, grids: Iterable[Grid], models: Sequence[str] | None, tracking_uri: str
) -> ExperimentConfig:
    """The settings with all spelled out that a later version or another folder would make something else of.

    Args:
        config: as they were given.
        grids: that the mode, algorithms and spaces stand for.
        models: by their full names; None where none is needed.
        tracking_uri: as it may be written down; counts where the settings name a store.
    """
    changes: dict[str, object] = {"sweep": grids_as_settings(grids), "algorithms": None, "spaces": None}
    for name in _FILES:
        path: Path | None = getattr(config, name)
        changes[name] = path and path.expanduser().absolute()
    if config.tracking_uri is not None:
        changes["tracking_uri"] = tracking_uri
    if config.images is not None:
        changes["images"] = [folder.absolute() for folder in config.folders]
    if keeps_list(config):
        changes["images_from"] = _kept_list(config)
    if models is not None:
        changes["models"] = models
    return ExperimentConfig.model_validate(config.model_dump() | changes)


def keeps_list(config: ExperimentConfig) -> bool:
    """Whether the list of images has to be kept with the results: as it came from standard input, now or when the
    results in this folder, which may be archived before the new ones are written, were made."""
    listed = config.images_from
    return listed is not None and (listed == STDIN or listed.expanduser().absolute() == _kept_list(config))


def _kept_list(config: ExperimentConfig) -> Path:
    return config.out.expanduser().absolute() / IMAGE_LIST
