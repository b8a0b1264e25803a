"""JPEG XL: what a file's header says, and its pixels by libjxl, which the extra ``jxl`` brings (ISO/IEC 18181)."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

import numpy as np

_HEADER_SIZE = 64
"""Bytes of a codestream that hold all that is looked at."""
_LARGEST_EXIF = 1 << 20
_MOST_BOXES = 10_000
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_SIZES_IN_BITS = (9, 13, 18, 30)


@dataclass(frozen=True)
class JpegXl:
    """A JPEG XL whose header has been read.

    Attributes:
        width: in pixels, as stored.
        height: in pixels, as stored.
        orientation: what makes it upright, as EXIF counts: 1 to 8. That in an EXIF block says nothing here.
        exif: its EXIF block, which begins as a TIFF does; empty where there is none.
    """

    width: int
    height: int
    orientation: int
    exif: bytes


def read_jpeg_xl(file: IO[bytes]) -> JpegXl:
    """Read the header of a codestream, bare or in a container; no pixel is looked at.

    Raises:
        SyntaxError: it is none, or the file ends within it.
    """
    file.seek(0)
    start, exif = 0, b""
    if file.read(2) != b"\xff\x0a":
        found = None
        for kind, at, length in _boxes(file):
            if kind in (b"jxlc", b"jxlp") and found is None:
                found = at + (4 if kind == b"jxlp" else 0)  # a part of it begins with its number
            elif kind == b"Exif" and 4 < length <= _LARGEST_EXIF:
                file.seek(at)
                block = file.read(length)
                exif = block[4 + int.from_bytes(block[:4], "big") :]
        if found is None:
            raise SyntaxError("there is no picture in it")
        start = found
    file.seek(start)
    bits = _Bits(file.read(_HEADER_SIZE))
    if bits.take(16) != 0x0AFF:
        raise SyntaxError("the header is damaged")
    width, height = _size(bits)
    has_more = not bits.take(1) and bits.take(1)
    return JpegXl(width, height, bits.take(3) + 1 if has_more else 1, exif)


def pixels_of(file: IO[bytes]) -> np.ndarray:
    """The first frame as stored, not turned upright.

    Returns:
        uint8 or uint16, shape (height, width, channels): gray or RGB, then alpha if there is any.

    Raises:
        ValueError: its samples are floats.
    """
    import imagecodecs

    file.seek(0)
    pixels: np.ndarray = imagecodecs.jpegxl_decode(file.read(), index=0, keeporientation=True, numthreads=1)
    if pixels.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"samples of type {pixels.dtype} are not read; save a copy with 8 or 16 bits")
    return pixels if pixels.ndim == 3 else pixels[:, :, None]


class _Bits:
    """Numbers out of bytes, the least significant bit first."""

    def __init__(self, content: bytes) -> None:
        self._number = int.from_bytes(content, "little")
        self._left = 8 * len(content)

    def take(self, count: int) -> int:
        if count > self._left:
            raise SyntaxError("the file ends within the header")
        taken = self._number & ((1 << count) - 1)
        self._number >>= count
        self._left -= count
        return taken


def _size(bits: _Bits) -> tuple[int, int]:
    """Width and height (SizeHeader of the specification)."""
    in_eights = bits.take(1)

    def side() -> int:
        return 8 * (bits.take(5) + 1) if in_eights else bits.take(_SIZES_IN_BITS[bits.take(2)]) + 1

    height = side()
    ratio = bits.take(3)
    if not ratio:
        return side(), height
    across, down = _RATIOS[ratio - 1]
    return height * across // down, height


def _boxes(file: IO[bytes]) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and length of what each box of a container holds."""
    end, position = file.seek(0, io.SEEK_END), 0
    for _ in range(_MOST_BOXES):
        if position + 8 > end:
            return
        file.seek(position)
        length, kind = struct.unpack(">I4s", file.read(8))
        head = 8
        if length == 1:
            length, head = int.from_bytes(file.read(8), "big"), 16
        elif length == 0:
            length = end - position
        if length < head:
            raise SyntaxError("a box of it is shorter than its own head")
        yield kind, position + head, min(length, end - position) - head
        position += length
