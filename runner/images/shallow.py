"""Arrays of any usual colours and depth as images of 8 bits a channel, which Pillow can't make of more."""

from __future__ import annotations

import numpy as np
from PIL import Image

_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def shallow(pixels: np.ndarray, *, alpha: str = "", cmyk: bool = False) -> Image.Image:
    """8-bit samples as they are; 16-bit ones rounded once, after all arithmetic.

    Args:
        pixels: uint8 or uint16, shape (height, width, channels): gray, RGB or CMYK, then alpha if there is any, then
            channels that are passed over.
        alpha: ``straight``, ``premultiplied``, or empty where there is none.
        cmyk: whether the first four channels are inks.

    Returns:
        For 8 bits of mode L, LA, La, RGB, RGBA, RGBa made RGBA, or CMYK; for 16 bits of mode RGB, on white.
    """
    colors = 4 if cmyk else 3 if pixels.shape[2] >= 3 else 1
    kept = np.ascontiguousarray(pixels[:, :, : colors + bool(alpha and not cmyk)])
    if pixels.dtype == np.uint8:
        return _wrapped(kept, alpha, cmyk)
    values = kept.astype(np.float32) / 65535
    if cmyk:
        values = (1 - values[..., :3]) * (1 - values[..., 3:])
    elif alpha:
        opacity = values[..., -1:]
        values = values[..., :-1] * (opacity if alpha == "straight" else 1) + (1 - opacity)
    rgb = np.broadcast_to(np.clip(values * 255 + 0.5, 0, 255).astype(np.uint8), (*values.shape[:2], 3))
    return Image.fromarray(np.ascontiguousarray(rgb))


def _wrapped(pixels: np.ndarray, alpha: str, cmyk: bool) -> Image.Image:
    height, width, channels = pixels.shape
    if cmyk:
        return Image.frombuffer("CMYK", (width, height), pixels, "raw", "CMYK", 0, 1)
    if alpha == "premultiplied":
        mode, raw = ("La", "La") if channels == 2 else ("RGBA", "RGBa")
        return Image.frombuffer(mode, (width, height), pixels.tobytes(), "raw", raw, 0, 1)
    mode = _MODES[channels]
    return Image.frombuffer(mode, (width, height), pixels, "raw", mode, 0, 1)
