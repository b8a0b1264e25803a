"""What the rest of the program asks of a family of models."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from runner.embed.architectures import Architecture, Library
from runner.embed.recipe import ModelRecipe
from runner.embed.weights import hub


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


class ModelFamily(ABC):
    """Models that are named, loaded and resized in one way.

    Attributes:
        library: its name in an :class:`Architecture`, and so in fingerprints.
        network_module: the module that builds its networks, imported when they are needed, as that takes torch.
            ``load(recipe)`` gives a network with its weights, normalised pixels in and features out; ``resized(recipe,
            network, resolution)`` the same for another size of image, sharing all weights that do not depend on it;
            and ``empty(recipe)``, where sizes are to be tried, one without memory for its tensors.
        distribution: the package whose version decides which sizes its networks take; empty where none does.
        has_text_tower: whether its models were trained on images together with texts.
        gives_feature_maps: whether its networks can give the maps of features of a perceptual loss.
    """

    library: Library
    network_module: str
    distribution: str = ""
    has_text_tower: bool = False
    gives_feature_maps: bool = False

    @property
    def networks(self) -> ModuleType:
        """The module that builds its networks."""
        return import_module(self.network_module)

    @abstractmethod
    def known_models(self, cache_dir: Path) -> Iterable[KnownModel]:
        """What it offers, for ``runner models``."""

    def weights_size(self, recipe: ModelRecipe) -> int | None:
        """Bytes that the weights take in memory; None where that is not known before they are drawn."""
        return None if recipe.weights_file is None else recipe.weights_file.stat().st_size

    def smallest_size(self, architecture: Architecture) -> int | None:
        """Side of the smallest input where all larger ones are fine; None where sizes have to be tried."""
        return None

    def checkpoint_notes(
        self, model: str, architecture: Architecture, path: Path, config: dict[str, Any] | None
    ) -> list[str]:
        """What a user should know of someone's own checkpoint, by its name and its configuration file.

        Raises:
            RunnerError: they say that it belongs to another network.
        """
        return []


def with_published_weights(name: str, architecture: Architecture, cache_dir: Path) -> Iterator[KnownModel]:
    """An architecture with each of its tags; alone where it has none."""
    if not architecture.tags:
        yield KnownModel(name, architecture.resolution, "no published weights")
    for tag, pretrained in architecture.tags.items():
        here = hub.find_cached(pretrained.source, hub.downloads_folder(cache_dir))
        location = "downloaded" if here else "hub"
        yield KnownModel(f"{name}:{tag}", pretrained.resolution, location, tag == architecture.default_tag)
