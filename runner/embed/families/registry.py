"""The model families; a new one is a module and a line here."""

from __future__ import annotations

from runner.embed.architectures import Library
from runner.embed.families.autoencoder import AutoencoderFamily
from runner.embed.families.base import ModelFamily
from runner.embed.families.baselines import Baselines
from runner.embed.families.bundled import Bundled
from runner.embed.families.open_clip import OpenClip
from runner.embed.families.timm import Timm
from runner.embed.recipe import ModelRecipe

OFFERED: tuple[ModelFamily, ...] = (Bundled(), AutoencoderFamily(), Baselines(), OpenClip(), Timm())
"""In the order in which ``runner models`` lists them."""

FAMILIES: dict[Library, ModelFamily] = {family.library: family for family in OFFERED}
"""By what an architecture says; bundled weights are loaded as timm's."""


def family_of(recipe: ModelRecipe) -> ModelFamily:
    """The family that loads the model of ``recipe``."""
    return FAMILIES[recipe.architecture.library]
