"""Which models there are, and the embedding configs that a call asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.embed.architectures import Architecture, Library
from runner.embed.embedding_config import EmbeddingConfig, Fit, Precision
from runner.embed.families.autoencoder import MODEL as AUTOENCODER
from runner.embed.families.autoencoder import RESOLUTION as AUTOENCODER_RESOLUTION
from runner.embed.families.baselines import BASELINES, baseline_recipe
from runner.embed.families.open_clip_catalogue import open_clip_architectures
from runner.embed.families.timm_catalogue import timm_architectures
from runner.embed.input_sizes import require_resolution
from runner.embed.recipe import BUNDLED_MODEL, BUNDLED_WEIGHTS, TIMM_PREFIX
from runner.embed.recipe_resolver import ModelResolver, bundled_architecture, downloads_folder
from runner.embed.weights import hub

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


@dataclass(frozen=True)
class KnownModel:
    """One model with one set of weights.

    Attributes:
        name: what ``--models`` takes.
        resolution: side of the input it was trained with, in pixels.
        location: ``bundled``, ``needs no weights``, ``trained on your images``, ``downloaded``, ``hub`` (is downloaded
            when first used), or ``no published weights`` (takes a local checkpoint).
        is_default: whether the architecture's bare name means these weights.
    """

    name: str
    resolution: int
    location: str
    is_default: bool = False


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
    bundled = KnownModel(f"{BUNDLED_MODEL}:{BUNDLED_WEIGHTS}", bundled_architecture().resolution, "bundled", True)
    autoencoder = KnownModel(f"{AUTOENCODER}:256", AUTOENCODER_RESOLUTION, "trained on your images", True)
    models = [bundled, autoencoder, *(_baseline(name) for name in BASELINES)]
    for architectures in (open_clip_architectures(), timm_architectures(cache_dir)):
        for architecture in architectures.values():
            models += _with_tags(architecture, downloads_folder(cache_dir))
    return [model for model in models if pattern.lower() in model.name.lower()]


def _baseline(name: str) -> KnownModel:
    recipe = baseline_recipe(name, "")
    return KnownModel(recipe.name, recipe.resolution, "needs no weights", True)


def _with_tags(architecture: Architecture, downloads: Path) -> list[KnownModel]:
    name = TIMM_PREFIX + architecture.name if architecture.library is Library.TIMM else architecture.name
    if not architecture.tags:
        return [KnownModel(name, architecture.resolution, "no published weights")]
    return [
        KnownModel(
            f"{name}:{tag}",
            pretrained.resolution,
            "downloaded" if hub.find_cached(pretrained.source, downloads) else "hub",
            tag == architecture.default_tag,
        )
        for tag, pretrained in architecture.tags.items()
    ]
