"""timm's networks without their classifiers."""

from __future__ import annotations

from typing import Any

import timm
import torch

from runner.embed.encoders.shared_weights import build_empty, build_random, clone_sharing_weights
from runner.embed.encoders.state_dict import StateDict, load_into, read_state_dict
from runner.embed.recipe import BUNDLED_MODEL, ModelRecipe
from runner.errors import RunnerError


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
    return build_empty(lambda: timm.create_model(_tagged(recipe), num_classes=0)).eval()


def resized(network: torch.nn.Module, resolution: int) -> torch.nn.Module:
    """The same network for another size of image; shares all weights that do not depend on it."""
    if not hasattr(network, "set_input_size"):
        return network  # convolutions take any size
    clone: Any = clone_sharing_weights(network)
    clone.set_input_size((resolution, resolution))
    return clone


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
        network: Any = timm.create_model(name, pretrained=True, pretrained_cfg_overlay=overlay, num_classes=classes)
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
            f"{recipe.weights_file} holds {len(state_dict)} tensors in place of {len(names)}; reinstall it"
        )
    load_into(network, dict(zip(names, state_dict.values(), strict=True)), recipe.weights_file, recipe.model)
    return network
