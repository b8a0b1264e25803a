"""Reading one image file as upright RGB pixels, or saying why it can't be read."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from runner.images.limits import MAX_PIXELS
from runner.images.open_image import UnreadableImageError, opened
from runner.images.pixels import read_pixels

__all__ = ["UnreadableImageError", "decode_image"]


def decode_image(path: str | Path, *, at_least: int | None = None) -> Image.Image:
    """The first frame of an image file, upright, in RGB, transparency composed onto white.

    Safe to call from several threads, which together take no more memory than ``limits.MEMORY``; no global state of
    Pillow is touched.

    Args:
        path: the file. Its content decides the format, not its name.
        at_least: shortest side in pixels that the caller will need. If given, JPEGs are decoded at 1/2, 1/4 or 1/8
            and other images above ``limits.LARGE_PIXELS`` are reduced by a box filter, where
            ``pixels.REDUCING_GAP`` times that many pixels remain along the shorter side. None decodes at full size, up
            to ``limits.FULL_PIXELS``; what is larger is reduced in any case.

    Returns:
        A plain RGB image whose edges are those of the original. ``info`` holds only ``source_size``: the upright
        image's own (width, height), of which the returned size may be a rounded fraction.

    Raises:
        UnreadableImageError: the file is missing, empty, not an image, truncated, corrupt, or takes more memory or
            time than ``limits`` allows.
        ValueError: ``at_least`` is below 1.
    """
    if at_least is not None and at_least < 1:
        raise ValueError(f"at_least must be at least 1, not {at_least}")
    with opened(Path(path)) as image:
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise UnreadableImageError(
                f"{width} × {height} = {width * height:,} pixels is over the limit of {MAX_PIXELS:,}; "
                "use a smaller copy"
            )
        result = read_pixels(image, at_least)
        result.info = {"source_size": image.upright_size}
        return result
