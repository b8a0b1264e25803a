"""Bringing an image into the square that a model looks at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from runner.embed.embedding_config import Fit

if TYPE_CHECKING:
    import torch

PADDING = (255, 255, 255)
"""Colour around a letterboxed image. White is also what transparency is composed onto, so a cut-out has no frame."""

_RESAMPLING = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}

_LONG_STRIP = 8
"""From this aspect ratio on, only the part of the image that a centre crop keeps is resampled: resampling all of a
1 × 20,000 image for a 224 pixel crop would take gigabytes."""


@dataclass(frozen=True)
class View:
    """What a model is shown of an image; models with equal views share the pixels.

    Attributes:
        resolution: side of the square, in pixels.
        fit: how the image is brought into the square.
        interpolation: ``bicubic`` or ``bilinear``, always antialiased.
    """

    resolution: int
    fit: Fit
    interpolation: str = "bicubic"

    def of(self, image: Image.Image) -> np.ndarray:
        """The view of an RGB image as uint8 array of shape (resolution, resolution, 3)."""
        side, resampling = self.resolution, _RESAMPLING[self.interpolation]
        if self.fit is Fit.LETTERBOX:
            square = _letterbox(image, side, resampling)
        elif self.fit is Fit.CENTER_CROP:
            square = _center_crop(image, side, resampling)
        else:
            square = image.resize((side, side), resampling)
        return np.asarray(square)


def _letterbox(image: Image.Image, side: int, resampling: Image.Resampling) -> Image.Image:
    """The whole image, its longer side resized to ``side``, centred on ``PADDING``."""
    scale = side / max(image.size)
    width, height = (min(side, max(1, round(length * scale))) for length in image.size)
    resized = image.resize((width, height), resampling)
    square = Image.new("RGB", (side, side), PADDING)
    square.paste(resized, ((side - width) // 2, (side - height) // 2))
    return square


def _center_crop(image: Image.Image, side: int, resampling: Image.Resampling) -> Image.Image:
    """The middle of the image, its shorter side resized to ``side``; pixel for pixel what open_clip's own evaluation
    transform (torchvision's ``Resize`` and ``CenterCrop``) gives."""
    width, height = image.size
    size = (side, int(side * height / width)) if width <= height else (int(side * width / height), side)
    left, top = (round((length - side) / 2.0) for length in size)
    if max(image.size) > _LONG_STRIP * min(image.size):
        across, down = width / size[0], height / size[1]
        box = left * across, top * down, (left + side) * across, (top + side) * down
        return image.resize((side, side), resampling, box=box)
    return image.resize(size, resampling).crop((left, top, left + side, top + side))


def to_batch(views: Sequence[np.ndarray]) -> torch.Tensor:
    """Equal-sized views as one uint8 tensor of shape (n, 3, resolution, resolution).

    Its memory stays in the order of the pixels (``torch.channels_last``), which is also the order that
    convolutions on the CPU are fastest in.
    """
    import torch

    return torch.from_numpy(np.stack(views)).permute(0, 3, 1, 2)


def normalize(batch: torch.Tensor, mean: Sequence[float], std: Sequence[float]) -> torch.Tensor:
    """uint8 pixels as the float32 input of a model: scaled to 0 … 1, ``mean`` taken off, divided by ``std``."""
    import torch

    pixels = batch.to(torch.float32).div_(255)
    shape = (1, 3, 1, 1)
    return pixels.sub_(pixels.new_tensor(mean).view(shape)).div_(pixels.new_tensor(std).view(shape))
