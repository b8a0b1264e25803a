"""Which models there are, and the embedding configs that a call asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.embed.embedding_config import EmbeddingConfig, Fit, Precision
from runner.embed.families.base import KnownModel
from runner.embed.families.registry import OFFERED
from runner.embed.input_sizes import require_resolution
from runner.embed.recipe_resolver import ModelResolver

DEFAULT_CACHE_DIR = Path("~/.cache/imagesweep")


@dataclass(frozen=True)
class ResolvedModels:
    """The embedding configs of a call.

    Attributes:
        configs: one per model, resolution and fit, in the order asked for, each once.
        notes: what was chosen for the user, such as a default tag; a sentence each.
    """

    configs: tuple[EmbeddingConfig, ...]
    notes: tuple[str, ...]


def resolve_models(
    names: Sequence[str],
    resolutions: Sequence[int] = (),
    fits: Sequence[Fit] = (Fit.LETTERBOX,),
    precision: Precision = Precision.FLOAT32,
    cache_dir: Path = DEFAULT_CACHE_DIR,
) -> ResolvedModels:
    """Resolve every model × resolution × fit, before anything runs.

    Args:
        names: models as ``ModelResolver`` takes them.
        resolutions: sides of the input; none means each model's own. An autoencoder has no other than its own.
        fits: how images are brought into the square; the same is true of it.
        precision: number format of the forward pass.
        cache_dir: where hashes of weights and facts about models are remembered.

    Raises:
        UsageError: an unknown model or tag, or a size that a model can't take.
        RunnerError: weights that can't be had.
    """
    resolver = ModelResolver(cache_dir)
    configs: list[EmbeddingConfig] = []
    notes: list[str] = []
    for name in names:
        recipe = resolver.resolve(name)
        notes += recipe.notes
        if recipe.trained_fit is not None:
            configs.append(recipe.config(recipe.resolution, recipe.trained_fit, precision))
            continue
        for resolution in resolutions or (recipe.resolution,):
            note = require_resolution(recipe, resolution, cache_dir)
            notes += [note] if note else []
            configs += [recipe.config(resolution, fit, precision) for fit in fits]
    unique = {config.key: config for config in configs}
    return ResolvedModels(tuple(unique.values()), tuple(dict.fromkeys(notes)))


def known_models(pattern: str = "", cache_dir: Path = DEFAULT_CACHE_DIR) -> list[KnownModel]:
    """The models whose name contains ``pattern`` in any case, with every set of published weights."""
    offered = (model for family in OFFERED for model in family.known_models(cache_dir))
    return [model for model in offered if pattern.lower() in model.name.lower()]
