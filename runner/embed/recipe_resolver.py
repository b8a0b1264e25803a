"""From the name of a model to everything about it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from runner.embed.architectures import Architecture, PretrainedTag, WeightsSource
from runner.embed.embedding_config import EmbeddingConfig
from runner.embed.families.autoencoder import MODEL as AUTOENCODER
from runner.embed.families.autoencoder import autoencoder_recipe, mark_used
from runner.embed.families.baselines import BASELINES, baseline_recipe
from runner.embed.families.bundled import BUNDLED_ARCHITECTURE, bundled_recipe
from runner.embed.families.open_clip import (
    FILES_OF_A_REPOSITORY,
    aliases,
    architecture_of_config,
    open_clip_architectures,
    preprocessing_of,
)
from runner.embed.families.registry import FAMILIES
from runner.embed.families.timm import timm_architectures
from runner.embed.families.trained_resolution import as_trained
from runner.embed.recipe import BUNDLED_MODEL, BUNDLED_WEIGHTS, TIMM_PREFIX, ModelRecipe
from runner.embed.weights import hub, local_checkpoint
from runner.errors import RunnerError, UsageError
from runner.images.content_hash import ContentHashes
from runner.utils.text_files import shown

_HUB_PREFIX = "hf-hub:"
_HUB_WEIGHTS = "hub"
_FOLDER_PREFIX = "local-dir:"


class ModelResolver:
    """Resolves model names; downloads weights that are not on this machine yet, loads none.

    Names are ``ARCH[:WEIGHTS]`` (open_clip's), ``timm/NAME[:TAG]``, ``hf-hub:ORG/NAME``, the usual names of CLIP models
    at the Hugging Face hub, the folder of a checkpoint with its ``open_clip_config.json``, ``efficientnet_lite0``
    (bundled), ``pixels[:SIDE]`` and ``hog[:CELLS]`` (baselines without weights), or ``autoencoder:PATH`` (trained
    here). WEIGHTS is a tag, the path of a checkpoint, or ``random`` (``random-7`` for another seed than 0).
    """

    def __init__(self, cache_dir: Path) -> None:
        self._cache_dir = cache_dir.expanduser()
        self._downloads = hub.downloads_folder(cache_dir)
        self._hashes = ContentHashes(self._cache_dir)

    def resolve(self, name: str) -> ModelRecipe:
        """The recipe of the model called ``name``.

        Raises:
            UsageError: no such model or tag; the message names the nearest ones.
            RunnerError: its weights can't be had or lack a statement that they need.
        """
        return as_trained(self._hashed(self._recipe(name.strip())), self._cache_dir)

    def recipe_of(self, config: EmbeddingConfig) -> ModelRecipe:
        """The recipe that ``config`` was made from.

        Raises:
            RunnerError: the weights have changed since, or can't be had.
        """
        recipe = self.resolve(config.name)
        if recipe.fingerprint_at(config.resolution) != config.weights_fingerprint:
            raise RunnerError(f"the weights of {recipe.name} are not those that {config.key} stands for; start again")
        return recipe

    def _recipe(self, name: str) -> ModelRecipe:
        if name.startswith(_HUB_PREFIX):
            return self._from_hub(name.removeprefix(_HUB_PREFIX))
        if name.startswith(TIMM_PREFIX):
            return self._from_timm(name)
        if local_checkpoint.starts_like_path(name) or _is_relative_path(name):
            return self._from_folder(Path(name))
        model, _, weights = name.partition(":")
        if model == BUNDLED_MODEL:
            return self._bundled(weights)
        if model == AUTOENCODER:
            return self._autoencoder(weights)
        if model in BASELINES:
            return baseline_recipe(model, weights)
        if model.lower() in aliases():
            model, _, tag = aliases()[model.lower()].partition(":")
            weights = weights or tag
        architecture = open_clip_architectures().get(model)
        if architecture is None:
            raise UsageError(self._unknown(model))
        return self._with_weights(model, architecture, weights)

    def _from_timm(self, name: str) -> ModelRecipe:
        model, _, weights = name.removeprefix(TIMM_PREFIX).partition(":")
        architectures = timm_architectures(self._cache_dir)
        model, _, tag = model.partition(".") if model not in architectures else (model, "", "")
        if model not in architectures:
            alias = aliases().get(name.lower())  # some of open_clip's repositories belong to timm's authors
            if alias is not None:
                return self._recipe(alias)
            nearest = _nearest(model, architectures, prefix=TIMM_PREFIX)
            raise UsageError(f"timm knows no model {model!r}{nearest}; `runner models` lists all")
        return self._with_weights(TIMM_PREFIX + model, architectures[model], weights or tag)

    def _with_weights(self, model: str, architecture: Architecture, weights: str) -> ModelRecipe:
        """``architecture`` with random weights, a checkpoint's, or those of a tag, its default one if none is named."""
        random = re.fullmatch(r"random(?:-(\d+))?", weights)
        if random:
            return _plain(
                model,
                weights,
                architecture,
                seed=int(random[1] or 0),
                notes=(
                    f"{model}:{weights} has random weights (seed {random[1] or 0}): a baseline, not a trained model",
                ),
            )
        if local_checkpoint.looks_like_path(weights):
            return _from_checkpoint(model, architecture, Path(weights))
        if not weights and architecture.default_tag is None:
            raise UsageError(f"{model} has no published weights: name a checkpoint file as {model}:/path/to/file")
        tag = _matching_tag(architecture, weights) if weights else architecture.default_tag
        if tag is None:
            nearest = _nearest(weights, architecture.tags, prefix=f"{model}:")
            raise UsageError(f"{model} has no weights called {weights!r}{nearest}; `runner models {model}` lists all")
        notes = () if weights else (f"{model} stands for {model}:{tag}",)
        return self._pretrained(model, tag, architecture, architecture.tags[tag], notes)

    def _pretrained(
        self, model: str, tag: str, architecture: Architecture, pretrained: PretrainedTag, notes: tuple[str, ...]
    ) -> ModelRecipe:
        file = self._fetch(pretrained.source, f"{model}:{tag}", f"{model}:/path/to/checkpoint.safetensors")
        return ModelRecipe(
            model,
            tag,
            architecture,
            pretrained.preprocessing,
            pretrained.resolution,
            quick_gelu=architecture.quick_gelu or pretrained.quick_gelu,
            weights_file=file,
            notes=notes,
        )

    def _from_hub(self, repository: str) -> ModelRecipe:
        """A repository of open_clip weights, described by its own configuration file."""
        if repository.startswith(TIMM_PREFIX) or repository.lower() in aliases():
            return self._recipe(repository)
        name = _HUB_PREFIX + repository
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
            raise UsageError(f"{name!r} is not of the form hf-hub:ORGANISATION/NAME")
        local = "/path/to/folder/with/open_clip_config.json"
        config_file = self._fetch(WeightsSource(repository, (local_checkpoint.CONFIG_NAME,)), name, local)
        weights_file = self._fetch(WeightsSource(repository, FILES_OF_A_REPOSITORY), name, local)
        return _described(name, _HUB_WEIGHTS, config_file.parent, weights_file)

    def _from_folder(self, path: Path) -> ModelRecipe:
        path = path.expanduser().absolute()
        weights_file = local_checkpoint.find_weights(path)
        folder = weights_file.parent
        if local_checkpoint.read_config(folder) is None:
            raise RunnerError(
                f"nothing says which network {weights_file} belongs to: name it as ARCH:{weights_file}, "
                f"or put its {local_checkpoint.CONFIG_NAME} beside it"
            )
        return _described(_FOLDER_PREFIX + folder.name, str(weights_file), folder, weights_file)

    def _bundled(self, weights: str) -> ModelRecipe:
        if weights not in ("", BUNDLED_WEIGHTS):
            other = f"timm/{BUNDLED_ARCHITECTURE}:{weights}"
            raise UsageError(f"{BUNDLED_MODEL} comes with its own weights; name others as {other}")
        return bundled_recipe()

    def _autoencoder(self, weights: str) -> ModelRecipe:
        if not local_checkpoint.looks_like_path(weights):
            raise UsageError(
                f"{AUTOENCODER}:{weights or 256} is trained on the images that it is for, by `runner experiment` or "
                f"`runner embed`; then it can be named as {AUTOENCODER}:/path/to/checkpoint.safetensors"
            )
        checkpoint = local_checkpoint.find_weights(Path(weights).expanduser().absolute())
        mark_used(checkpoint, self._cache_dir)
        return autoencoder_recipe(checkpoint)

    def _fetch(self, source: WeightsSource, name: str, local: str) -> Path:
        try:
            return hub.fetch(source, self._downloads)
        except hub.HubError as error:
            raise RunnerError(
                f"{name} needs weights from {hub.host(source)}, which {error}: give a local checkpoint "
                f"({local}) or use the bundled model {BUNDLED_MODEL}"
            ) from error

    def _hashed(self, recipe: ModelRecipe) -> ModelRecipe:
        if recipe.weights_file is None:
            return recipe
        content_hash = self._hashes.hash_files([recipe.weights_file])[0]
        if isinstance(content_hash, OSError):
            raise RunnerError(f"the weights {recipe.weights_file} can't be read: {content_hash}") from content_hash
        return replace(recipe, content_hash=content_hash)

    def _unknown(self, model: str) -> str:
        """What to say of a name that nobody knows."""
        all_models = "`runner models` lists all"
        if re.fullmatch(r"[a-z0-9_]+(\.\w+)?", model) and model.partition(".")[0] in timm_architectures(
            self._cache_dir
        ):
            return f"open_clip knows no model {model!r}, but timm does: name it {TIMM_PREFIX}{model}; {all_models}"
        nearest = _nearest(model, [*open_clip_architectures(), *aliases(), BUNDLED_MODEL, *BASELINES, AUTOENCODER])
        hint = f"; for a repository of open_clip weights write {_HUB_PREFIX}{model}" if "/" in model else ""
        return f"there is no model {model!r}{nearest}{hint}; {all_models}"


def _plain(
    model: str, weights: str, architecture: Architecture, *, seed: int | None = None, notes: tuple[str, ...] = ()
) -> ModelRecipe:
    return ModelRecipe(
        model,
        weights,
        architecture,
        architecture.preprocessing,
        architecture.resolution,
        quick_gelu=architecture.quick_gelu,
        seed=seed,
        notes=notes,
    )


def _from_checkpoint(model: str, architecture: Architecture, path: Path) -> ModelRecipe:
    """A checkpoint of a known architecture: preprocessing as its configuration file says, or else as the architecture's
    name does; the activation as the name does, unless the checkpoint contradicts."""
    path = local_checkpoint.find_weights(path.expanduser().absolute())
    config = local_checkpoint.read_config(path.parent)
    stated = config.get("preprocess_cfg") if config else None
    try:
        preprocessing = preprocessing_of(stated) if stated else architecture.preprocessing
    except (ValueError, TypeError) as error:
        file = path.parent / local_checkpoint.CONFIG_NAME
        raise RunnerError(
            f"{file} states no usable preprocess_cfg ({shown(error)}); {local_checkpoint.CONFIG_REMEDY}"
        ) from error
    notes = [
        f"{model}:{path} is fed with {preprocessing} ({'its configuration file' if stated else f'those of {model}'})"
    ]
    notes += FAMILIES[architecture.library].checkpoint_notes(model, architecture, path, config)
    recipe = _plain(model, str(path), architecture, notes=tuple(notes))
    return replace(recipe, preprocessing=preprocessing, weights_file=path)


def _described(model: str, weights: str, folder: Path, weights_file: Path) -> ModelRecipe:
    """A checkpoint that an ``open_clip_config.json`` in ``folder`` describes in full."""
    config = local_checkpoint.read_config(folder)
    try:
        architecture = architecture_of_config(model, config or {})
    except (ValueError, KeyError, TypeError) as error:
        raise RunnerError(
            f"{folder / local_checkpoint.CONFIG_NAME} does not describe a model: {shown(error)}"
        ) from error
    recipe = _plain(model, weights, architecture)
    return replace(recipe, weights_file=weights_file, model_config=(config or {})["model_cfg"])


def _is_relative_path(name: str) -> bool:
    """Whether ``name`` is a file or folder here; a folder that happens to be called like a model is not meant."""
    return ":" not in name and local_checkpoint.looks_like_path(name) and Path(name).exists()


def _matching_tag(architecture: Architecture, weights: str) -> str | None:
    """The tag meant by ``weights``; open_clip takes them in any case and with dashes."""
    if weights in architecture.tags:
        return weights
    cleaned = weights.lower().replace("-", "_")
    return cleaned if cleaned in architecture.tags else None


def _nearest(name: str, known: Iterable[str], prefix: str = "") -> str:
    """``; nearest are A, B and C``, or nothing if no known name is near."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    near = [prefix + by_lower[match] for match in difflib.get_close_matches(name.lower(), by_lower, n=3, cutoff=0.5)]
    if not near:
        return ""
    listed = near[0] if len(near) == 1 else f"{', '.join(near[:-1])} and {near[-1]}"
    return f"; the nearest {'is' if len(near) == 1 else 'are'} {listed}"
