"""What makes one of several versions of a picture the one to keep: its size, and how sharp it is."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from runner.images.decode import UnreadableImageError, decode_image
from runner.utils.progress import progress_bar

MEASURED_SIDE = 512
"""Longer side, in pixels, at which sharpness is measured, so that it compares what the pictures show."""

_THREADS = 4


@dataclass(frozen=True)
class ImageFacts:
    """Size in pixels and sharpness of an image; all zero where it can't be read."""

    width: int
    height: int
    sharpness: float

    @property
    def pixels(self) -> int:
        return self.width * self.height


def measure_images(paths: Sequence[Path]) -> list[ImageFacts]:
    """Decode each file and measure it."""
    with ThreadPoolExecutor(_THREADS) as pool, progress_bar(len(paths), "sizes and sharpness", "image") as bar:
        facts = []
        for measured in pool.map(_measure, paths):
            facts.append(measured)
            bar.update()
        return facts


def sharpness(image: Image.Image) -> float:
    """Variance of the Laplacian of the brightness (0 to 255): the higher, the sharper."""
    from scipy.ndimage import laplace

    return float(laplace(np.asarray(image.convert("L"), dtype=np.float32)).var())


def _measure(path: Path) -> ImageFacts:
    try:
        image = decode_image(path, at_least=MEASURED_SIDE)
    except UnreadableImageError:
        return ImageFacts(0, 0, 0.0)
    width, height = image.info["source_size"]
    image.thumbnail((MEASURED_SIDE, MEASURED_SIDE), Image.Resampling.BICUBIC)
    return ImageFacts(width, height, sharpness(image))
