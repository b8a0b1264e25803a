"""Images as strips of full width, top to bottom, so that a large one is never held as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from runner.images.vips import VipsImage

STRIP_PIXELS = 1_000_000
"""About how many pixels are converted at a time: few enough that what a conversion needs beside them is little."""

Strip = Image.Image | np.ndarray


@dataclass(frozen=True)
class Strips:
    """An image that is read strip by strip, as often as need be.

    Attributes:
        size: width and height.
        deep: whether it is gray of more than 8 bits a pixel; strips are arrays of such numbers then, of shape (height,
            width), and images of a mode of 8 bits a channel otherwise.
        white: the number that is white where it is deep; None where that has to be found out.
        inverted: whether its zero is white; only where it is deep.
        transparent: the number of pixels at which nothing is; only where it is deep.
        read: called with a number of rows, gives strips of that many (but for the last), each with its first row.
    """

    size: tuple[int, int]
    read: Callable[[int], Iterator[tuple[int, Strip]]]
    deep: bool = False
    white: int | None = None
    inverted: bool = False
    transparent: int | None = None

    def rows(self, multiple: int = 1) -> int:
        """A height of strips that is a multiple of ``multiple``."""
        return rows_of_strip(self.size[0], multiple)


def rows_of_strip(width: int, multiple: int) -> int:
    """How many rows of ``width`` pixels are converted at a time: a multiple of ``multiple``, however wide they are."""
    return multiple * max(1, STRIP_PIXELS // (width * multiple))


def pillow_strips(image: Image.Image) -> Strips:
    """A loaded image of Pillow's."""
    deep = image.mode in ("F", "I") or image.mode.startswith("I;16")
    transparent = image.info.get("transparency") if deep else None

    def read(rows: int) -> Iterator[tuple[int, Strip]]:
        for top in range(0, image.height, rows):
            bottom = min(top + rows, image.height)
            strip = image if bottom - top == image.height else image.crop((0, top, image.width, bottom))
            yield top, np.asarray(strip) if deep else strip

    transparent = transparent if isinstance(transparent, int) else None
    return Strips(image.size, read, deep=deep, transparent=transparent)


def array_strips(pixels: np.ndarray, convert: Callable[[np.ndarray], Strip]) -> Strips:
    """An array of shape (height, width, channels), of which ``convert`` makes strips."""

    def read(rows: int) -> Iterator[tuple[int, Strip]]:
        for top in range(0, len(pixels), rows):
            yield top, convert(pixels[top : top + rows])

    return Strips((pixels.shape[1], pixels.shape[0]), read)


def vips_strips(
    loader: str,
    file: BinaryIO,
    convert: Callable[[np.ndarray], Strip],
    *,
    size: tuple[int, int] | None = None,
    **kinds: Any,
) -> Strips:
    """An image read by libvips, which decodes as much at a time as is asked for.

    Args:
        loader: name of its operation, such as ``pngload_source``.
        file: where to read from.
        convert: makes strips out of what it gives: an array of shape (rows, columns, channels).
        size: of the strips, where ``convert`` changes the width.
        kinds: ``deep``, ``white``, ``inverted`` and ``transparent`` as in ``Strips``; all others are the
            operation's own options.
    """
    about = {name: kinds.pop(name) for name in _ABOUT if name in kinds}

    def read(rows: int) -> Iterator[tuple[int, Strip]]:
        source = VipsImage(loader, file, **kinds)
        image = source.image
        for top in range(0, image.height, rows):
            height = min(rows, image.height - top)
            values = np.frombuffer(source.rows(top, height), _DTYPES[image.format])
            yield top, convert(values.reshape(height, image.width, image.bands))

    if size is None:
        image = VipsImage(loader, file, **kinds).image
        size = image.width, image.height
    return Strips(size, read, **about)


_ABOUT = ("deep", "white", "inverted", "transparent")
_DTYPES = {
    "uchar": np.uint8,
    "char": np.int8,
    "ushort": np.uint16,
    "short": np.int16,
    "uint": np.uint32,
    "int": np.int32,
    "float": np.float32,
    "double": np.float64,
}
"""NumPy's types by the names of libvips' formats."""
