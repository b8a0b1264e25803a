"""timm's networks without their classifiers."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, cast

import timm
import torch

from runner.embed.families.trained_size import NoSquareSizeError, trained_size
from runner.embed.recipe import BUNDLED_MODEL, TIMM_PREFIX, ModelRecipe
from runner.embed.weights.shared_weights import build_empty, build_random, clone_sharing_weights
from runner.embed.weights.state_dict import StateDict, load_into, read_state_dict
from runner.errors import RunnerError

_WINDOWED_STEP = 32
"""Total stride of networks with windows: the sizes of image they are trained at are multiples of it."""


def load(recipe: ModelRecipe) -> torch.nn.Module:
    """The network of ``recipe`` with its weights: normalised pixels in, pooled features out.

    Raises:
        RunnerError: the checkpoint can't be read or belongs to another network.
    """
    name = recipe.architecture.name
    if recipe.weights_file is None:
        return build_random(lambda: timm.create_model(name, num_classes=0), recipe.seed or 0).eval()
    state_dict = read_state_dict(recipe.weights_file)
    network = _load_bundled(recipe, state_dict) if recipe.model == BUNDLED_MODEL else _load(recipe, state_dict)
    network.reset_classifier(0)
    return network.eval()


def empty(recipe: ModelRecipe) -> torch.nn.Module:
    """The network without memory for its tensors, to try sizes on."""
    return build_empty(lambda: timm.create_model(_tagged(recipe), num_classes=0, **_size(recipe))).eval()


def resized(recipe: ModelRecipe, network: torch.nn.Module, resolution: int) -> torch.nn.Module:
    """The same network for another size of image; shares all weights that do not depend on it.

    timm scales the windows of such as Swin along with the image; those of a recipe with ``fixed_windows`` stay.
    """
    if not hasattr(network, "set_input_size"):
        return network  # convolutions take any size
    clone: Any = clone_sharing_weights(network)
    if recipe.fixed_windows:
        clone.set_input_size((resolution, resolution), window_size=list(clone._ref_window_sizes))
    else:
        clone.set_input_size((resolution, resolution))
    return clone


def trained_as(name: str, native: int, weights_file: Path) -> tuple[int | None, bool]:
    """What someone's own checkpoint tells of its training.

    Args:
        name: timm's, of the architecture.
        native: the size that it is built for.
        weights_file: the checkpoint.

    Returns:
        the size that its position embeddings are for where that is another one, and whether nothing but the size of
        windows, which images of any size may have, can be told.

    Raises:
        RunnerError: the file can't be read, or its position embeddings are those of no square image.
    """
    tensors = read_state_dict(weights_file)
    network: Any = build_empty(lambda: timm.create_model(name, num_classes=0))
    patch = getattr(getattr(network, "patch_embed", None), "patch_size", 1)
    try:
        size = trained_size(
            lambda size: _empty_at(name, network, native, size),
            native,
            patch if isinstance(patch, int) else patch[0],
            tensors,
        )
    except NoSquareSizeError as error:
        size = _smaller_with_own_windows(name, native, tensors) if hasattr(network, "_ref_window_sizes") else None
        if size is not None:
            return size, True
        raise RunnerError(
            f"{weights_file} does not fit {TIMM_PREFIX}{name}: {error}, and images are shown to it as squares; "
            "use weights that were trained on squares"
        ) from error
    other = size if size != native else None
    return other, other is None and hasattr(network, "_ref_window_sizes")


def _smaller_with_own_windows(name: str, native: int, tensors: StateDict) -> int | None:
    """The size at which the architecture's windows, cut to the smallest features, have the checkpoint's shapes."""
    for size in range(native - _WINDOWED_STEP, 0, -_WINDOWED_STEP):
        own = build_empty(partial(timm.create_model, name, num_classes=0, img_size=size)).state_dict()
        if all(key in tensors and tensors[key].shape == own[key].shape for key in own):
            return size
    return None


def _empty_at(name: str, network: Any, native: int, size: int) -> torch.nn.Module:
    if size == native:
        return cast("torch.nn.Module", network)
    if not hasattr(network, "set_input_size"):
        return build_empty(lambda: timm.create_model(name, num_classes=0, img_size=size))
    clone: Any = clone_sharing_weights(network)
    clone.set_input_size((size, size))
    return cast("torch.nn.Module", clone)


def _size(recipe: ModelRecipe) -> dict[str, Any]:
    """timm's arguments for a network of the size that a checkpoint was trained at."""
    if recipe.trained_size is None:
        return {}
    name, size = recipe.architecture.name, recipe.trained_size
    network: Any = build_empty(lambda: timm.create_model(name, num_classes=0))
    if recipe.fixed_windows or not hasattr(network, "_ref_window_sizes"):
        return {"img_size": size}
    network.set_input_size((size, size))
    return {"img_size": size, "window_size": network.layers[0].blocks[0].window_size[0]}


def _tagged(recipe: ModelRecipe) -> str:
    """timm's name of the architecture as the tag has it; tags may differ in resolution."""
    name = recipe.architecture.name
    return f"{name}.{recipe.weights}" if recipe.weights in recipe.architecture.tags else name


def _load(recipe: ModelRecipe, state_dict: StateDict) -> Any:
    """timm's own loading, which knows the formats of many authors, made to accept no tensor missing or left over."""
    name = _tagged(recipe)
    config: Any = timm.get_pretrained_cfg(name)
    overlay = {"state_dict": state_dict, "custom_load": False}
    classes = config.num_classes
    if recipe.weights not in recipe.architecture.tags:  # someone's own checkpoint, with a classifier of its own or none
        classes = _classes_in(state_dict, config.classifier)
        overlay |= {"num_classes": classes, "label_offset": 0}
    try:
        network: Any = timm.create_model(
            name, pretrained=True, pretrained_cfg_overlay=overlay, num_classes=classes, **_size(recipe)
        )
    except (RuntimeError, KeyError, ValueError) as error:
        detail = " ".join(str(error).split())[:200]
        raise RunnerError(f"{recipe.weights_file} does not fit {recipe.model}: {detail}") from error
    network.pretrained_cfg.pop("state_dict", None)  # timm keeps the overlay, and so a second copy of all weights
    return network


def _classes_in(state_dict: StateDict, classifier: str | tuple[str, ...] | None) -> int:
    """How many classes the checkpoint's classifier tells apart; 0 if it has none."""
    names = (classifier,) if isinstance(classifier, str) else classifier or ()
    return next((len(state_dict[f"{name}.weight"]) for name in names if f"{name}.weight" in state_dict), 0)


def _load_bundled(recipe: ModelRecipe, state_dict: StateDict) -> Any:
    """The bundled weights, which have other names than timm's but the same order."""
    network = timm.create_model(recipe.architecture.name)
    names = network.state_dict()
    if len(names) != len(state_dict):
        raise RunnerError(
            f"{recipe.weights_file} holds {len(state_dict)} tensors in place of {len(names)}; install its package again"
        )
    load_into(network, dict(zip(names, state_dict.values(), strict=True)), recipe.weights_file, recipe.model)
    return network
