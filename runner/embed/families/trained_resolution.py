"""The size that someone's own checkpoint of timm's was trained at, found once and remembered."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from pydantic import BaseModel, ValidationError

from runner.embed.architectures import Library
from runner.embed.recipe import ModelRecipe
from runner.embed.weights.local_checkpoint import looks_like_path
from runner.utils.atomic import write_atomically


class _Training(BaseModel):
    """What a checkpoint tells; see ``ModelRecipe``."""

    trained_size: int | None
    fixed_windows: bool


def as_trained(recipe: ModelRecipe, cache_dir: Path) -> ModelRecipe:
    """``recipe`` with what its checkpoint tells of the size it was trained at; itself for published weights, whose
    size is known, and for networks that find theirs while they are loaded.

    Raises:
        RunnerError: the checkpoint can't be read, or was not trained on square images.
    """
    if (
        recipe.architecture.library is not Library.TIMM
        or not recipe.content_hash
        or not looks_like_path(recipe.weights)
    ):
        return recipe
    training = _training(recipe, cache_dir)
    resolution = training.trained_size or recipe.resolution
    return replace(recipe, resolution=resolution, **training.model_dump())


def _training(recipe: ModelRecipe, cache_dir: Path) -> _Training:
    """Reading a checkpoint and building its network takes torch and seconds, which is done once for each."""
    digest = hashlib.blake2b(f"{recipe.architecture.name} {recipe.content_hash}".encode(), digest_size=12).hexdigest()
    memory = cache_dir.expanduser() / "models" / f"trained-timm-{version('timm')}" / f"{digest}.json"
    try:
        return _Training.model_validate_json(memory.read_bytes())
    except (FileNotFoundError, ValidationError):  # not looked at yet, or a damaged file
        from runner.embed.families.timm_network import trained_as

        assert recipe.weights_file is not None
        size, fixed = trained_as(recipe.architecture.name, recipe.resolution, recipe.weights_file)
        training = _Training(trained_size=size, fixed_windows=fixed)
        write_atomically(memory, training.model_dump_json().encode())
        return training
