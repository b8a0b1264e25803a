"""The encoding half of a trained autoencoder."""

from __future__ import annotations

import torch

from runner.embed.families.autoencoder import load_autoencoder
from runner.embed.recipe import ModelRecipe


def load(recipe: ModelRecipe) -> torch.nn.Module:
    """Normalised pixels in, latent vectors out; RunnerError where the checkpoint is damaged."""
    assert recipe.weights_file is not None
    return load_autoencoder(recipe.weights_file).encoder


def resized(recipe: ModelRecipe, network: torch.nn.Module, resolution: int) -> torch.nn.Module:
    """The same: there is one size only."""
    return network
