"""PNG: which of a file's chunks make the picture (ISO/IEC 15948)."""

from __future__ import annotations

import binascii
import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, BinaryIO

from runner.images.parts import Part, Parts

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_END = struct.pack(">I4sI", 0, b"IEND", zlib.crc32(b"IEND"))
_OF_PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT")
_PALETTE = 3
_LARGEST_TEXT = 1 << 20
"""Bytes of a text chunk, decompressed, that are looked at for EXIF; that of a camera has some ten thousand."""
_PIECE = 1 << 20
_MOST_CHUNKS = 1_000_000
"""A file of 10 GB in the usual pieces of 8 kB has as many; one that has more is made to waste time."""
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


@dataclass(frozen=True)
class Png:
    """A PNG whose header has been read.

    Attributes:
        width: in pixels.
        height: in pixels.
        depth: bits per sample.
        color_type: 0 gray, 2 RGB, 3 palette, 4 gray and alpha, 6 RGB and alpha.
        interlaced: whether its rows are stored in seven passes.
        transparency: content of the tRNS chunk; None where there is none.
    """

    width: int
    height: int
    depth: int
    color_type: int
    interlaced: bool
    transparency: bytes | None

    @property
    def channels(self) -> int:
        """Samples per pixel as stored."""
        return _CHANNELS[self.color_type]

    @property
    def shown_channels(self) -> int:
        """Samples per pixel once palettes are looked up and transparent values have become alpha."""
        colors = 3 if self.color_type == _PALETTE else self.channels
        return colors + (self.transparency is not None)

    @property
    def is_beyond_pillow(self) -> bool:
        """Whether Pillow gives other pixels than the specification.

        It compares transparent values that it has scaled to 8 bits, and keeps 8 bits of 16 before alpha is applied.
        """
        if self.color_type == 0:
            return self.depth < 8 and self.transparency is not None
        return self.depth == 16


@dataclass(frozen=True)
class _Chunk:
    kind: bytes
    start: int
    length: int

    @property
    def whole(self) -> Part:
        """With length, kind and checksum."""
        return self.start - 8, self.length + 12


def read_png(file: IO[bytes]) -> Png:
    """Read the header and what comes before the pixels; no pixel is looked at.

    Raises:
        SyntaxError: it is no PNG, or its header is damaged.
    """
    header: bytes | None = None
    transparency = None
    for chunk in _chunks(file):
        if chunk.kind == b"IHDR":
            header = _checked(file, chunk)
        elif chunk.kind == b"tRNS":
            transparency = _checked(file, chunk)
        elif chunk.kind == b"IDAT":
            break
    if header is None or len(header) < 13:
        raise SyntaxError("the header is missing")
    width, height, depth, color_type, _, _, interlaced = struct.unpack(">IIBBBBB", header[:13])
    if not (width and height) or depth not in _DEPTHS.get(color_type, ()):
        raise SyntaxError(f"a header that no PNG has: {width} × {height}, {depth} bits of colour type {color_type}")
    return Png(width, height, depth, color_type, bool(interlaced), transparency)


def pixels_of(file: IO[bytes], png: Png) -> BinaryIO:
    """The file with those chunks only that make the picture, their checksums verified.

    Profiles and texts are left out, damaged or huge as they may be, as is the mark of the end, which may be missing.

    Raises:
        SyntaxError: a checksum is wrong, or the file ends within a chunk.
    """
    parts: list[Part] = [_SIGNATURE]
    for chunk in _chunks(file):
        if chunk.kind in _OF_PIXELS and not (chunk.kind == b"PLTE" and png.color_type != _PALETTE):
            _verify(file, chunk)
            parts.append(chunk.whole)
    return io.BufferedReader(Parts(file, [*parts, _END]))


def exif_sources(file: IO[bytes]) -> dict[str, bytes | str]:
    """What ``PIL.Image.Image.getexif`` looks for in ``info``: EXIF as a chunk or as ImageMagick's text, and XMP.

    A chunk that is damaged or huge is passed over.
    """
    found: dict[str, bytes | str] = {}
    for chunk in _chunks(file):
        if chunk.kind not in (b"eXIf", b"tEXt", b"zTXt", b"iTXt") or chunk.length > _LARGEST_TEXT:
            continue
        try:
            content = _checked(file, chunk)
            if chunk.kind == b"eXIf":
                found["exif"] = b"Exif\0\0" + content
            elif chunk.kind == b"iTXt" and content.startswith(b"XML:com.adobe.xmp\0"):
                found["xmp"] = _international_text(content)
            elif chunk.kind in (b"tEXt", b"zTXt") and content.startswith(b"Raw profile type exif\0"):
                text = content.partition(b"\0")[2]
                found.setdefault("exif", _raw_profile(text if chunk.kind == b"tEXt" else _inflated(text[1:])))
        except (SyntaxError, ValueError, zlib.error):
            continue
    return found


def _chunks(file: IO[bytes]) -> Iterator[_Chunk]:
    """All chunks up to IEND, or to the end of the file where a chunk might begin."""
    file.seek(0)
    if file.read(8) != _SIGNATURE:
        raise SyntaxError("the signature is damaged")
    position = 8
    for _ in range(_MOST_CHUNKS):
        file.seek(position)
        head = file.read(8)
        length, kind = struct.unpack(">I4s", head) if len(head) == 8 else (0, b"IEND")
        if kind == b"IEND":
            return
        if not kind.isalpha():
            raise SyntaxError(f"there is no chunk at byte {position:,}, where one must begin")
        yield _Chunk(kind, position + 8, length)
        position += length + 12
    raise SyntaxError(f"over {_MOST_CHUNKS:,} chunks")


def _verify(file: IO[bytes], chunk: _Chunk) -> None:
    file.seek(chunk.start)
    checksum, remaining = zlib.crc32(chunk.kind), chunk.length
    while remaining:
        piece = file.read(min(remaining, _PIECE))
        if not piece:
            raise SyntaxError(f"the file ends within a {chunk.kind.decode()} chunk")
        checksum, remaining = zlib.crc32(piece, checksum), remaining - len(piece)
    if file.read(4) != checksum.to_bytes(4, "big"):
        raise SyntaxError(f"the checksum of a {chunk.kind.decode()} chunk is wrong")


def _checked(file: IO[bytes], chunk: _Chunk) -> bytes:
    """The content of a chunk that is small."""
    if chunk.length > _LARGEST_TEXT:
        raise SyntaxError(f"a {chunk.kind.decode()} chunk of {chunk.length:,} bytes")
    _verify(file, chunk)
    file.seek(chunk.start)
    return file.read(chunk.length)


def _international_text(content: bytes) -> bytes:
    _, _, rest = content.partition(b"\0")
    compressed = rest[:1] == b"\1"
    text = rest[2:].split(b"\0", 2)[2] if rest[2:].count(b"\0") >= 2 else b""
    return _inflated(text) if compressed else text


def _inflated(content: bytes) -> bytes:
    """Decompressed, the first ``_LARGEST_TEXT`` bytes of it."""
    return zlib.decompressobj().decompress(content, _LARGEST_TEXT)


def _raw_profile(text: bytes) -> bytes:
    """EXIF from ImageMagick's text: a name, a length, and hexadecimal digits in lines."""
    return binascii.unhexlify(b"".join(text.split()[2:]))
