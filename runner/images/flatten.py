"""Any pixels as 8-bit RGB on white."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from runner.images.strips import Strip, Strips

_USUAL_DEPTHS = (8, 10, 12, 14, 16)


def flatten(strips: Strips, factor: int = 1) -> Image.Image:
    """The image in RGB, its transparency composed onto white.

    Palettes, gray, 1-bit, CMYK and the like are converted as Pillow does. More than 8 bits per channel are scaled:
    by the depth where the file states it, else integers by the smallest usual bit depth (8, 10, 12, 14, 16) that holds
    the image's largest value, since 12-bit cameras and microscopes store their values in 16 bits; floats from 0…1 or
    0…255 where their values fit, and from their own minimum to their maximum otherwise, as are integers that are
    negative or wider than 16 bits.

    Args:
        strips: the image.
        factor: whole number by which to shrink both sides with a box filter; strip by strip, so that a large image
            never exists in RGB as a whole.

    Returns:
        A new image of mode RGB; sides are divided by ``factor`` and rounded up.
    """
    tone = _tone_range(strips) if strips.deep else None
    flat = Image.new("RGB", (-(-strips.size[0] // factor), -(-strips.size[1] // factor)))
    for top, strip in strips.read(strips.rows(factor)):
        rgb = _to_rgb(strip, tone, strips.transparent)
        flat.paste(rgb if factor == 1 else rgb.reduce(factor), (0, top // factor))
    return flat


@dataclass(frozen=True)
class _ToneRange:
    """The values shown as black and as white."""

    black: float
    white: float

    def to_gray(self, values: np.ndarray, transparent: int | None) -> Image.Image:
        """Mode L, white where nothing is."""
        levels = np.nan_to_num(values.astype(np.float32), nan=self.black, posinf=self.white, neginf=self.black)
        levels = (levels - self.black) * (255 / ((self.white - self.black) or 1))
        gray = np.clip(levels + 0.5, 0, 255).astype(np.uint8)
        if transparent is not None:
            gray[values == transparent] = 255
        return Image.fromarray(gray)


def _tone_range(strips: Strips) -> _ToneRange:
    """What is black and what is white in an image of more than 8 bits per channel."""
    if strips.white is not None:
        return _oriented(0, strips.white, strips)
    low, high, is_float = np.inf, -np.inf, False
    for _, values in strips.read(strips.rows()):
        assert isinstance(values, np.ndarray)
        is_float = values.dtype.kind == "f"
        finite = values[np.isfinite(values)]
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    if low > high:  # not one finite value
        return _oriented(0, 1, strips)
    if is_float:
        fitting = [white for white in (1, 255) if low >= 0 and high <= white]
    else:
        fitting = [2**depth - 1 for depth in _USUAL_DEPTHS if low >= 0 and high < 2**depth]
    return _oriented(0, fitting[0], strips) if fitting else _oriented(low, high, strips)


def _oriented(low: float, high: float, strips: Strips) -> _ToneRange:
    return _ToneRange(high, low) if strips.inverted else _ToneRange(low, high)


def _to_rgb(strip: Strip, tone: _ToneRange | None, transparent: int | None) -> Image.Image:
    if isinstance(strip, np.ndarray):
        assert tone is not None
        return tone.to_gray(strip, transparent).convert("RGB")
    if strip.has_transparency_data:
        if strip.mode == "La":  # premultiplied; Pillow converts it to LA only
            strip = strip.convert("LA")
        color = strip.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", color.size, "white"), color).convert("RGB")
    return strip.convert("RGB")
