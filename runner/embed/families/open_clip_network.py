"""The image towers of open_clip's models."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import open_clip
import torch
from open_clip.model import resize_pos_embed

from runner.embed.families.trained_size import NoSquareSizeError, trained_size
from runner.embed.recipe import ModelRecipe
from runner.embed.weights.local_checkpoint import CONFIG_NAME
from runner.embed.weights.shared_weights import build_empty, build_random, clone_sharing_weights, has_empty_tensors
from runner.embed.weights.state_dict import StateDict, load_into, read_state_dict
from runner.errors import RunnerError
from runner.utils.text_files import shown

_SMALL_TEXT_TOWER = {"context_length": 1, "vocab_size": 1, "width": 8, "heads": 1, "layers": 1}
"""Stands in for the text tower, which is thrown away: building the real one takes time, memory and, for some models,
the transformers package and a download."""

_POSITIONS = "positional_embedding"


def load(recipe: ModelRecipe) -> torch.nn.Module:
    """The image tower of ``recipe`` with its weights: normalised pixels in, ``encode_image``'s features out.

    Raises:
        RunnerError: the checkpoint can't be read or belongs to another network.
    """
    if recipe.weights_file is None:
        return build_random(lambda: _tower(recipe, recipe.resolution), recipe.seed or 0)
    state_dict = _image_tensors(recipe)
    resolution = _trained_resolution(recipe, state_dict)
    tower = build_empty(lambda: _tower(recipe, resolution))
    load_into(tower, state_dict, recipe.weights_file, recipe.model)
    if has_empty_tensors(tower):
        tower = _tower(recipe, resolution)
        load_into(tower, state_dict, recipe.weights_file, recipe.model)
    return tower


def empty(recipe: ModelRecipe) -> torch.nn.Module:
    """The image tower without memory for its tensors, to try sizes on."""
    return build_empty(lambda: _tower(recipe, recipe.resolution))


def resized(recipe: ModelRecipe, tower: torch.nn.Module, resolution: int) -> torch.nn.Module:
    """The same tower for another size of image; shares all weights that do not depend on it.

    Position embeddings are interpolated as open_clip's ``force_image_size`` does.
    """
    if tower.image_size in (resolution, (resolution, resolution)):
        return tower
    clone: Any = clone_sharing_weights(tower)
    if hasattr(clone, "set_input_size"):  # a network of timm's
        clone.set_input_size(resolution)
        return clone
    patch_height, patch_width = clone.patch_size
    clone.image_size = (resolution, resolution)
    clone.grid_size = (resolution // patch_height, resolution // patch_width)
    positions = {f"visual.{_POSITIONS}": clone.positional_embedding.detach()}
    resize_pos_embed(positions, SimpleNamespace(visual=clone))
    clone.positional_embedding = torch.nn.Parameter(positions[f"visual.{_POSITIONS}"], requires_grad=False)
    return clone


def _tower(recipe: ModelRecipe, resolution: int) -> torch.nn.Module:
    config = recipe.model_config or open_clip.get_model_config(recipe.architecture.name)
    vision = {**config["vision_cfg"], "image_size": resolution, "output_tokens": False}
    if "timm_model_name" in vision:
        vision["timm_model_pretrained"] = False
    try:
        model = open_clip.CustomTextCLIP(config["embed_dim"], vision, _SMALL_TEXT_TOWER, quick_gelu=recipe.quick_gelu)
    except Exception as error:  # a file that describes no network makes its parts raise nearly every type there is
        if recipe.model_config is None:
            raise
        reason = shown(error) or type(error).__name__
        raise RunnerError(
            f"the model_cfg beside {recipe.weights_file} describes no network that open_clip can build ({reason}); "
            "name the checkpoint as ARCH:FILE, or get its configuration again from where it is from"
        ) from error
    return model.visual.eval()


def _image_tensors(recipe: ModelRecipe) -> StateDict:
    """The image tower's part of the checkpoint."""
    assert recipe.weights_file is not None
    state_dict = read_state_dict(recipe.weights_file)
    prefix = "visual."
    tensors = {name.removeprefix(prefix): tensor for name, tensor in state_dict.items() if name.startswith(prefix)}
    if not tensors:
        raise RunnerError(f"{recipe.weights_file} holds no image tower (no tensor is called {prefix}…)")
    return tensors


def _trained_resolution(recipe: ModelRecipe, state_dict: StateDict) -> int:
    """The size that the checkpoint's own position embeddings are for, which may not be the architecture's.

    Raises:
        RunnerError: they are those of no square image, or of a network that takes its own size only.
    """
    try:
        size = trained_size(
            lambda size: build_empty(lambda: _tower(recipe, size)),
            recipe.resolution,
            recipe.architecture.patch_size or 1,
            state_dict,
        )
    except NoSquareSizeError as error:
        raise RunnerError(
            f"{recipe.weights_file} does not fit {recipe.model}: {error}, and images are shown to it as squares; "
            "use weights that were trained on squares"
        ) from error
    if size not in (None, recipe.resolution) and not recipe.architecture.any_resolution:
        raise RunnerError(
            f"{recipe.weights_file} was trained at {size} px, and {recipe.model} takes {recipe.resolution} px only: "
            f"describe it by an {CONFIG_NAME} beside it whose image_size is {size}, and name the folder"
        )
    return size or recipe.resolution
