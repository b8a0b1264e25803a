"""How far reconstructions are from their originals. Every loss is at least 0, and 0 for a perfect reconstruction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

from runner.embed.architectures import Preprocessing
from runner.embed.families import timm_network
from runner.embed.recipe import ModelRecipe
from runner.embed.training.config import AutoencoderSettings, Loss

ReconstructionLoss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""From images and reconstructions, float32, shape (n, 3, s, s), values -1 … 1, to a number, the mean over images."""

_LAYERS = 3
"""First maps of features that are compared: edges, textures and parts, which still know where they are."""


def reconstruction_loss(
    settings: AutoencoderSettings, recipe: ModelRecipe | None, device: torch.device
) -> ReconstructionLoss:
    """The loss of ``settings``; ``recipe`` is that of its perceptual model, None where it needs none."""
    if settings.loss is Loss.L1:
        return functional.l1_loss
    if settings.loss is Loss.MSE:
        return functional.mse_loss
    assert recipe is not None
    return PerceptualLoss(recipe).to(device)


class PerceptualLoss(torch.nn.Module):
    """Mean absolute difference of pixels, plus that of a trained network's features.

    Features are compared as LPIPS does (Zhang et al. 2018): each position's channels scaled to unit length, squared
    differences, averaged over positions, summed over layers.
    """

    def __init__(self, recipe: ModelRecipe) -> None:
        super().__init__()
        self._network: Any = timm_network.load(recipe).requires_grad_(False)
        self._preprocessing: Preprocessing = recipe.preprocessing

    def forward(self, images: torch.Tensor, reconstructions: torch.Tensor) -> torch.Tensor:
        """See ``ReconstructionLoss``."""
        total = functional.l1_loss(reconstructions, images)
        for wanted, got in zip(self._features(images), self._features(reconstructions), strict=True):
            total = total + (functional.normalize(wanted) - functional.normalize(got)).square().sum(1).mean()
        return total

    def _features(self, images: torch.Tensor) -> list[torch.Tensor]:
        mean, std = (
            images.new_tensor(values).view(1, 3, 1, 1) for values in (self._preprocessing.mean, self._preprocessing.std)
        )
        pixels = ((images + 1) / 2 - mean) / std
        return self._network.forward_intermediates(pixels, indices=list(range(_LAYERS)), intermediates_only=True)
