"""What CLIP's text tower makes of names, to compare with images: zero-shot classification."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from runner.embed.families.registry import family_of
from runner.embed.recipe import ModelRecipe
from runner.errors import RunnerError

_TEXTS_AT_A_TIME = 256

_SMALL_VISION_TOWER = {"layers": 1, "width": 64, "head_width": 64, "patch_size": 16, "image_size": 16}
"""Stands in for the image tower, which is thrown away."""


def name_directions(recipe: ModelRecipe, names: Sequence[str]) -> np.ndarray:
    """The direction of each name in the space of the model's image vectors: the mean over several phrases around it.

    Args:
        recipe: of a model with a text tower; random weights are fine, if of no use.
        names: what images may show.

    Returns:
        float64, shape (len(names), dimension), rows of length one.

    Raises:
        RunnerError: the model or its checkpoint has no text tower, or its tokenizer can't be had.
    """
    import torch
    from open_clip import SIMPLE_IMAGENET_TEMPLATES

    tower, tokenize = _text_tower(recipe), _tokenizer(recipe)
    texts = [template(name) for name in names for template in SIMPLE_IMAGENET_TEMPLATES]
    parts = []
    with torch.inference_mode():
        for start in range(0, len(texts), _TEXTS_AT_A_TIME):
            parts.append(tower(tokenize(texts[start : start + _TEXTS_AT_A_TIME])).double().numpy())
    vectors = _unit(np.concatenate(parts)).reshape(len(names), len(SIMPLE_IMAGENET_TEMPLATES), -1)
    return _unit(vectors.mean(axis=1))


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def _text_tower(recipe: ModelRecipe) -> Any:
    """The tower with the weights that the images were embedded with: token ids in, features out."""
    import open_clip
    from open_clip.model import convert_to_custom_text_state_dict

    from runner.embed.weights.shared_weights import build_random
    from runner.embed.weights.state_dict import load_into, read_state_dict

    if not family_of(recipe).has_text_tower:
        raise RunnerError(f"{recipe.model} has no text tower to compare names with; use a CLIP model, such as ViT-B-32")
    config = recipe.model_config or open_clip.get_model_config(recipe.architecture.name)
    text = {name: value for name, value in config["text_cfg"].items() if name != "hf_model_pretrained"}

    def build() -> Any:
        sizes = {**text, "hf_model_pretrained": False} if "hf_model_name" in text else text
        return open_clip.CustomTextCLIP(
            config["embed_dim"], _SMALL_VISION_TOWER, sizes, quick_gelu=recipe.quick_gelu
        ).text.eval()

    try:
        tower = build_random(build, recipe.seed or 0)
    except OSError as error:
        raise RunnerError(f"the text tower of {recipe.model} can't be built ({_first_line(error)})") from error
    if recipe.weights_file is None:
        return tower
    tensors = convert_to_custom_text_state_dict(read_state_dict(recipe.weights_file))
    own = {name.removeprefix("text."): tensor for name, tensor in tensors.items() if name.startswith("text.")}
    if not own:
        raise RunnerError(f"{recipe.weights_file} holds no text tower to compare names with; use the whole checkpoint")
    load_into(tower, own, recipe.weights_file, recipe.model)
    return tower


def _tokenizer(recipe: ModelRecipe) -> Any:
    import open_clip

    name = recipe.model if recipe.model.startswith("hf-hub:") else recipe.architecture.name
    if recipe.model.startswith("local-dir:") and recipe.weights_file is not None:
        name = f"local-dir:{recipe.weights_file.parent}"
    try:
        return open_clip.get_tokenizer(name)
    except (OSError, ImportError, ValueError) as error:
        raise RunnerError(f"the tokenizer of {recipe.model} can't be had ({_first_line(error)})") from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
