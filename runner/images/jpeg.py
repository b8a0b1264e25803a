"""JPEG: the scans that a file's picture is stored in, and whether all are there (ITU-T T.81)."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, BinaryIO

from runner.images.parts import Parts
from runner.images.vips import VipsImage, warnings_collected

END = b"\xff\xd9"
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
"""In a scan; there, 00 stands after an FF that is none, and D0 to D7 are marks to resume at."""
_SCAN, _LAST = 0xDA, 0xD9
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = (0xC2, 0xC6, 0xCA, 0xCE)
_PIECE = 1 << 18
_ROWS = 16
_MOST_SCANS = 10_000
_FULL_BLOCK = (1 << 64) - 1


@dataclass(frozen=True)
class JpegScans:
    """How the picture is stored.

    Attributes:
        count: passes over the picture; from two on, all coefficients are held while it is decoded.
        is_whole: whether they give every coefficient to its last bit.
    """

    count: int
    is_whole: bool


def read_scans(file: IO[bytes]) -> JpegScans:
    """Look at the headers of all scans; at those of the first only, where it holds all there is."""
    components: bytes = b""
    progressive = False
    count = 0
    exact: dict[int, int] = {}  # by component: a bit for each of its 64 coefficients that is complete
    for marker, header in _segments(file):
        if marker in _FRAMES and not components:
            progressive = marker in _PROGRESSIVE
            components = header[6::3]
        elif marker == _SCAN:
            count += 1
            chosen = header[1 : 1 + 2 * header[0] : 2] if header else b""
            if not progressive and len(chosen) >= len(components):
                return JpegScans(1, True)
            first, last, approximation = header[-3:] if progressive and len(header) >= 6 else (0, 63, 0)
            if approximation & 15 == 0 and first <= last < 64:
                for component in chosen:
                    exact[component] = exact.get(component, 0) | ((1 << (last + 1)) - (1 << first))
            if count >= _MOST_SCANS:
                break
    return JpegScans(max(1, count), all(exact.get(component) == _FULL_BLOCK for component in components))


def lacks_only_its_end(file: IO[bytes]) -> bool:
    """Whether a JPEG, whose decoder came to the end of the file, is all there but for the two bytes that mark its end.

    With these two put there, libjpeg has a warning where pixels are missing before them, and none otherwise.
    """
    if not read_scans(file).is_whole:
        return False
    with warnings_collected() as warnings:
        source = VipsImage("jpegload_source", with_end(file))
        for row in range(0, source.image.height, _ROWS):
            source.rows(row, min(_ROWS, source.image.height - row))
        del source  # libvips tells what libjpeg has warned of when it lets go of the image
    return not warnings


def with_end(file: IO[bytes]) -> BinaryIO:
    """The file with the mark of its end after it."""
    return io.BufferedReader(Parts(file, [(0, file.seek(0, io.SEEK_END)), END]))


def _segments(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """The markers of a file and what their segments hold, up to the end of the picture."""
    position = 2
    while True:
        file.seek(position)
        head = file.read(4)
        if len(head) < 4 or head[0] != 0xFF or head[1] == _LAST:
            return
        marker = head[1]
        if marker == 0xFF or 0xD0 <= marker <= 0xD8 or marker == 1:  # fill bytes and markers without a segment
            position += 1 if marker == 0xFF else 2
            continue
        length = int.from_bytes(head[2:], "big")
        yield marker, file.read(max(0, length - 2))
        position += 2 + length
        if marker == _SCAN:
            position = _end_of_scan(file, position)


def _end_of_scan(file: IO[bytes], position: int) -> int:
    """Where the marker after a scan's data stands; the end of the file where there is none."""
    while True:
        file.seek(position)
        piece = file.read(_PIECE)
        if found := _MARKER.search(piece):
            return position + found.start()
        if len(piece) < _PIECE:
            return position + len(piece)
        position += len(piece) - 1  # the last byte may be the first of a marker
