"""Models in memory: loaded when first needed, together as far as the memory allows, weights shared between sizes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from runner.embed.embedding_config import EmbeddingConfig
from runner.embed.families.registry import family_of
from runner.embed.recipe import ModelRecipe
from runner.utils.machine import usable_memory
from runner.utils.stage_clock import StageClock

if TYPE_CHECKING:
    import torch

    from runner.embed.encoder import Encoder

Recipes = Mapping[EmbeddingConfig, ModelRecipe]

_MEMORY_SHARE = 0.5
"""Share of the memory that the weights of the models loaded together may take."""

_UNKNOWN_SIZE = 1 << 29
"""Bytes assumed for random weights, which no file tells the size of."""


class LoadedModels:
    """Encoders for the configs of ``recipes``, one per set of weights."""

    def __init__(self, recipes: Recipes, device: torch.device, clock: StageClock, say: Callable[[str], None]) -> None:
        self._recipes = recipes
        self._device = device
        self._clock = clock
        self._say = say
        self._encoders: dict[str, Encoder] = {}

    def encoder(self, config: EmbeddingConfig) -> Encoder:
        """The model for ``config``; its weights are loaded by the first call."""
        from runner.embed.encoder import load_encoder

        recipe = self._recipes[config]
        identity = f"{recipe.fingerprint}-{config.precision}"
        if identity not in self._encoders:
            sharing = [
                other
                for other, others in self._recipes.items()
                if others.fingerprint == recipe.fingerprint and other.precision is config.precision
            ]
            resolutions = sorted({other.resolution for other in sharing})
            with self._clock.time("load"):
                self._encoders[identity] = load_encoder(recipe, resolutions, self._device, config.precision, self._say)
        return self._encoders[identity]


def groups_that_fit(recipes: Recipes, device: str) -> list[list[EmbeddingConfig]]:
    """Split the configs into groups whose weights fit into memory together; each group costs a pass over the images.

    Configs with the same weights stay together, and a model that is too large for any group gets its own.
    """
    by_weights: dict[str, list[EmbeddingConfig]] = {}
    for config, recipe in recipes.items():
        by_weights.setdefault(recipe.fingerprint, []).append(config)
    if len(by_weights) < 2:
        return list(by_weights.values())
    budget = _MEMORY_SHARE * _memory(device)
    groups: list[list[EmbeddingConfig]] = []
    room = 0.0
    for configs in by_weights.values():
        size = _size_of(recipes[configs[0]])
        if not groups or size > room:
            groups.append([])
            room = budget
        groups[-1] += configs
        room -= size
    return groups


def _size_of(recipe: ModelRecipe) -> int:
    size = family_of(recipe).weights_size(recipe)
    return _UNKNOWN_SIZE if size is None else size


def _memory(device: str) -> int:
    """Bytes that the models on ``device`` share with nobody but the data."""
    if device != "cpu":
        from runner.embed.device import free_memory, select_device

        free = free_memory(select_device(device))
        if free is not None:
            return free
    return usable_memory()
