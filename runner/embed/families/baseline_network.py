"""The baselines as networks: normalised pixels in, descriptors out."""

from __future__ import annotations

import numpy as np
import torch

from runner.embed.families.baselines import ORIENTATIONS
from runner.embed.recipe import ModelRecipe

_FLAT = 1e-3
"""Extra component of every HOG descriptor, small beside its blocks of length 1. An image without any gradient would
else have no direction, and be of no use to any model of an experiment."""


class Pixels(torch.nn.Module):
    """The image at ``side`` × ``side``, channel by channel: float32, shape (n, 3 · side²)."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self._side = side

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """``pixels``: float32, shape (n, 3, s, s), s ≥ side."""
        small = torch.nn.functional.interpolate(pixels, size=(self._side, self._side), mode="area")
        return small.flatten(1)


class Hog(torch.nn.Module):
    """Histograms of oriented gradients: ``cells`` × ``cells`` cells, blocks of 2 × 2, the strongest channel's gradient.

    float32, shape (n, (cells - 1)² · 4 · ``ORIENTATIONS`` + 1).
    """

    def __init__(self, cells: int) -> None:
        super().__init__()
        self._cells = cells

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """``pixels``: float32, shape (n, 3, s, s), values 0 … 1."""
        from skimage.feature import hog

        side = pixels.shape[-1] // self._cells
        within = side * self._cells
        first = (pixels.shape[-1] - within) // 2
        images = pixels[:, :, first : first + within, first : first + within].permute(0, 2, 3, 1).cpu().numpy()
        descriptors = [
            hog(
                image,
                orientations=ORIENTATIONS,
                pixels_per_cell=(side, side),
                cells_per_block=(2, 2),
                block_norm="L2-Hys",
                channel_axis=-1,
            )
            for image in images
        ]
        flat = np.full((len(images), 1), _FLAT)
        return torch.from_numpy(np.hstack([np.stack(descriptors), flat]).astype(np.float32))


def load(recipe: ModelRecipe) -> torch.nn.Module:
    """The descriptor of ``recipe``."""
    config = recipe.model_config or {}
    return (Pixels if recipe.model == "pixels" else Hog)(int(config["fineness"])).eval()


def resized(recipe: ModelRecipe, network: torch.nn.Module, resolution: int) -> torch.nn.Module:
    """The same: descriptors take any size."""
    return network
