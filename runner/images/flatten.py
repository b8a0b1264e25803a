"""Any of Pillow's pixel modes as 8-bit RGB on white."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

_STRIP_PIXELS = 4_000_000
"""About how many pixels are converted at a time where a large image is reduced on the way."""

_INTEGER_MODES = ("I;16", "I;16L", "I;16B", "I;16N", "I")
_USUAL_DEPTHS = (8, 10, 12, 14, 16)


def flatten(image: Image.Image, factor: int = 1) -> Image.Image:
    """The image in RGB, its transparency composed onto white.

    Palettes, gray, 1-bit, CMYK and the like are converted as Pillow does. More than 8 bits per channel are scaled:
    integers by the smallest usual bit depth (8, 10, 12, 14, 16) that holds the image's largest value, since 12-bit
    cameras and microscopes store their values in 16 bits; floats from 0…1 or 0…255 where their values fit, and
    from their own minimum to their maximum otherwise, as are integers that are negative or wider than 16 bits.

    Args:
        image: a loaded image of any mode.
        factor: whole number by which to shrink both sides with a box filter; strip by strip, so that a large image
            never exists in RGB as a whole.

    Returns:
        A new image of mode RGB; sides are divided by ``factor`` and rounded up.
    """
    tone = _tone_range(image)
    if factor == 1:
        return _to_rgb(image, tone)
    reduced = Image.new("RGB", (-(-image.width // factor), -(-image.height // factor)))
    for top, strip in _strips(image, multiple=factor):
        reduced.paste(_to_rgb(strip, tone).reduce(factor), (0, top // factor))
    return reduced


@dataclass(frozen=True)
class _ToneRange:
    """The values shown as black and as white."""

    black: float
    white: float

    def to_gray(self, image: Image.Image) -> Image.Image:
        """Mode L; where a PNG names a transparent value, its pixels turn white."""
        values = np.asarray(image)
        levels = np.nan_to_num(values.astype(np.float32), nan=self.black, posinf=self.white, neginf=self.black)
        levels = (levels - self.black) * (255 / ((self.white - self.black) or 1))
        gray = np.clip(levels + 0.5, 0, 255).astype(np.uint8)
        transparent = image.info.get("transparency")
        if isinstance(transparent, int):
            gray[values == transparent] = 255
        return Image.fromarray(gray)


def _tone_range(image: Image.Image) -> _ToneRange | None:
    """What is black and what is white in an image of more than 8 bits per channel; None for all others."""
    if image.mode != "F" and image.mode not in _INTEGER_MODES:
        return None
    low, high = np.inf, -np.inf
    for _, strip in _strips(image):
        values = np.asarray(strip)
        finite = values[np.isfinite(values)]
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    if low > high:  # not one finite value
        return _ToneRange(0, 1)
    if image.mode == "F":
        fitting = [white for white in (1, 255) if low >= 0 and high <= white]
    else:
        fitting = [2**depth - 1 for depth in _USUAL_DEPTHS if low >= 0 and high < 2**depth]
    return _ToneRange(0, fitting[0]) if fitting else _ToneRange(low, high)


def _strips(image: Image.Image, multiple: int = 1) -> Iterator[tuple[int, Image.Image]]:
    """Full-width strips with the row each starts at; heights are a multiple of ``multiple`` but for the last."""
    height = multiple * max(1, _STRIP_PIXELS // (image.width * multiple))
    for top in range(0, image.height, height):
        yield top, image.crop((0, top, image.width, min(top + height, image.height)))


def _to_rgb(image: Image.Image, tone: _ToneRange | None) -> Image.Image:
    if tone is not None:
        return tone.to_gray(image).convert("RGB")
    if image.has_transparency_data:
        if image.mode == "La":  # premultiplied; Pillow converts it to LA only
            image = image.convert("LA")
        color = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", color.size, "white"), color).convert("RGB")
    return image.convert("RGB")  # a copy even where it is RGB already, free of the file behind it
