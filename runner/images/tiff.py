"""TIFF: which page of a file is the picture, how it is stored, and what reads that rightly (TIFF 6.0, BigTIFF)."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import IO, BinaryIO

import numpy as np

from runner.images.parts import Part, Parts

_SIZES = {1: 1, 3: 2, 4: 4, 13: 4, 16: 8, 18: 8}
_CODES = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
_MOST_VALUES = 16
"""Values of a tag that are looked at: none that counts here has more."""
_MOST_PAGES = 1000

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR = 0, 1, 2, 3, 5, 6
_UNSIGNED, _SIGNED, _FLOAT = 1, 2, 3
_ASSOCIATED, _UNASSOCIATED = 1, 2


class Tag:
    """Numbers of the tags that are looked at."""

    NEW_SUBFILE_TYPE = 254
    SUBFILE_TYPE = 255
    WIDTH = 256
    HEIGHT = 257
    BITS = 258
    COMPRESSION = 259
    PHOTOMETRIC = 262
    FILL_ORDER = 266
    STRIP_OFFSETS = 273
    ORIENTATION = 274
    SAMPLES = 277
    ROWS_PER_STRIP = 278
    STRIP_SIZES = 279
    PLANES = 284
    PREDICTOR = 317
    TILE_WIDTH = 322
    TILE_HEIGHT = 323
    TILE_OFFSETS = 324
    TILE_SIZES = 325
    EXTRA_SAMPLES = 338
    SAMPLE_FORMAT = 339
    DNG_VERSION = 50706


class TiffReader(Enum):
    """What gives the right pixels of a page."""

    PILLOW = auto()
    VIPS = auto()
    BITS = auto()
    """Samples of a depth that no library unpacks: their bytes are read as if they were pixels, and unpacked here."""


@dataclass(frozen=True)
class TiffPage:
    """A page whose tags have been read.

    Attributes:
        index: its number among the file's pages.
        offset: where in the file its tags stand.
        tags: values by tag; the first few of each.
        counts: how many values each tag has in all.
        entries: where in the file each tag stands.
        order: ``<`` or ``>``, as in ``struct``.
        big: whether the file is a BigTIFF.
    """

    index: int
    offset: int
    tags: Mapping[int, tuple[int, ...]]
    counts: Mapping[int, int]
    entries: Mapping[int, int]
    order: str
    big: bool

    def one(self, tag: int, default: int) -> int:
        """The only or first value of a tag."""
        return (self.tags.get(tag) or (default,))[0]

    @property
    def entry_size(self) -> int:
        """Bytes of an entry of its directory."""
        return 20 if self.big else 12

    @property
    def value_at(self) -> int:
        """Where in an entry the values are, or the number of the byte at which they begin."""
        return 12 if self.big else 8

    @property
    def pointer(self) -> str:
        return "Q" if self.big else "I"

    @property
    def is_separate(self) -> bool:
        """Whether each channel is stored as a plane of its own."""
        return self.samples > 1 and self.one(Tag.PLANES, 1) == 2

    @property
    def width(self) -> int:
        return self.one(Tag.WIDTH, 0)

    @property
    def height(self) -> int:
        return self.one(Tag.HEIGHT, 0)

    @property
    def samples(self) -> int:
        return self.one(Tag.SAMPLES, 1)

    @property
    def bits(self) -> int:
        return self.one(Tag.BITS, 1)

    @property
    def photometric(self) -> int:
        return self.one(Tag.PHOTOMETRIC, BLACK_IS_ZERO)

    @property
    def sample_format(self) -> int:
        return self.one(Tag.SAMPLE_FORMAT, _UNSIGNED)

    @property
    def is_reduced(self) -> bool:
        """Whether it is a smaller version of another page."""
        return bool(self.one(Tag.NEW_SUBFILE_TYPE, 0) & 1) or self.one(Tag.SUBFILE_TYPE, 1) == 2

    @property
    def is_gray(self) -> bool:
        return self.photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO)

    @property
    def alpha(self) -> str:
        """``straight``, ``premultiplied``, or empty where there is no transparency."""
        colors = {RGB: 3, CMYK: 4, YCBCR: 3}.get(self.photometric, 1)
        if self.samples <= colors:
            return ""
        meaning = self.one(Tag.EXTRA_SAMPLES, _UNASSOCIATED if self.photometric == RGB else 0)
        return {_ASSOCIATED: "premultiplied", _UNASSOCIATED: "straight", 999: "straight"}.get(meaning, "")

    @property
    def block_bytes(self) -> int:
        """About how many bytes its largest strip, or a row of its tiles, has once decompressed."""
        rows = self.one(Tag.TILE_HEIGHT, min(self.one(Tag.ROWS_PER_STRIP, self.height), self.height))
        return self.width * rows * self.samples * (self.bits + 7) // 8

    @property
    def blocks(self) -> tuple[int, int]:
        """How many strips or tiles of a plane stand side by side, and how many below each other."""
        if Tag.TILE_OFFSETS not in self.tags:
            return 1, -(-self.height // max(1, self.one(Tag.ROWS_PER_STRIP, self.height)))
        across, down = self.one(Tag.TILE_WIDTH, 0), self.one(Tag.TILE_HEIGHT, 0)
        return -(-self.width // max(1, across)), -(-self.height // max(1, down))

    def require_all_blocks(self) -> None:
        """Raise SyntaxError where the file names fewer strips or tiles than make the picture; libvips invents them."""
        across, down = self.blocks
        needed = across * down * (self.samples if self.is_separate else 1)
        named = self.counts.get(Tag.TILE_OFFSETS, self.counts.get(Tag.STRIP_OFFSETS, 0))
        if named < needed:
            raise SyntaxError(f"{named:,} of the {needed:,} strips or tiles of its picture are there")

    @property
    def white_is_zero_deep(self) -> bool:
        """Whether it is gray of over 8 bits whose zero is white, which Pillow reads as if it were black."""
        return self.photometric == WHITE_IS_ZERO and self.bits > 8

    def reader(self) -> TiffReader:
        """What reads this page rightly.

        Raises:
            ValueError: nothing does; the text says what it is, to follow "is a TIFF of ".
        """
        bits, form = self.bits, self.sample_format
        if len(set(self.tags.get(Tag.BITS, (1,)))) > 1 or len(set(self.tags.get(Tag.SAMPLE_FORMAT, (1,)))) > 1:
            raise ValueError("samples of several depths")
        if self.photometric not in (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR):
            raise ValueError(
                {8: "CIELab colours", 9: "ICCLab colours", 32803: "a sensor's raw values"}.get(
                    self.photometric, f"photometric interpretation {self.photometric}"
                )
            )
        if form not in (_UNSIGNED, _SIGNED, _FLOAT) or (form != _UNSIGNED and not self.is_gray):
            raise ValueError("floats or signed numbers that are not gray")
        if self.photometric == WHITE_IS_ZERO and (form != _UNSIGNED or bits > 16):
            raise ValueError("floats, signed or long numbers of which zero is white")
        if form == _UNSIGNED and bits < 16 and bits not in (1, 2, 4, 8):
            if not self.is_gray or self.samples != 1 or self.one(Tag.PREDICTOR, 1) != 1:
                raise ValueError(f"{bits} bits that is not plain gray")
            return TiffReader.BITS
        if form == _UNSIGNED and bits <= 8:
            beyond_pillow = self.is_separate and self.samples > 3 and self.photometric == RGB
            return TiffReader.VIPS if beyond_pillow and self.one(Tag.COMPRESSION, 1) == 1 else TiffReader.PILLOW
        deep = (_UNSIGNED, 16), (_SIGNED, 16), (_SIGNED, 32), (_FLOAT, 32)
        usual = self.samples == 1 and self.photometric == BLACK_IS_ZERO and self.one(Tag.FILL_ORDER, 1) == 1
        if usual and (form, bits) in deep:
            return TiffReader.PILLOW
        return TiffReader.VIPS


def read_page(file: IO[bytes]) -> TiffPage:
    """The first page that is no reduced version of another, or the first of all where each is.

    Raises:
        SyntaxError: the file has no page, or a damaged one before that.
    """
    first = None
    for page in _pages(file):
        if not page.is_reduced:
            return page
        first = first or page
    if first is None:
        raise SyntaxError("there is no page in it")
    return first


def _pages(file: IO[bytes]) -> Iterator[TiffPage]:
    file.seek(0)
    head = file.read(16)
    order = "<" if head[:2] == b"II" else ">"
    try:
        big = struct.unpack(order + "H", head[2:4])[0] == 43
        (offset,) = struct.unpack_from(order + ("Q" if big else "I"), head, 8 if big else 4)
        seen: set[int] = set()
        for index in range(_MOST_PAGES):
            if not offset or offset in seen:
                return
            seen.add(offset)
            page, offset = _page(file, offset, index, order, big)
            yield page
    except (struct.error, OverflowError) as error:
        raise SyntaxError("the file ends where a page should be described") from error


def _go_to(file: IO[bytes], place: int) -> None:
    """Seek, but not to where no file has anything, which systems take for a failure of theirs."""
    if place > file.seek(0, io.SEEK_END):
        raise SyntaxError(f"it refers to byte {place:,}, which is beyond its end")
    file.seek(place)


def _page(file: IO[bytes], offset: int, index: int, order: str, big: bool) -> tuple[TiffPage, int]:
    """The page described at ``offset``, and where the next one is described; 0 after the last."""
    _go_to(file, offset)
    entry_size, count_code, pointer = (20, "Q", "Q") if big else (12, "H", "I")
    (count,) = struct.unpack(order + count_code, file.read(8 if big else 2))
    if count > 65535:
        raise SyntaxError(f"a page of {count:,} tags")
    start = offset + (8 if big else 2)
    entries = file.read(count * entry_size)
    end = file.read(8 if big else 4)
    if len(entries) < count * entry_size:
        raise SyntaxError("the file ends where a page should be described")
    tags: dict[int, tuple[int, ...]] = {}
    counts: dict[int, int] = {}
    places: dict[int, int] = {}
    for number in range(count):
        at = number * entry_size
        tag, kind, length = struct.unpack_from(order + ("HHQ" if big else "HHI"), entries, at)
        if tag in tags or kind not in _SIZES or not length:
            continue
        taken = min(length, _MOST_VALUES)
        inline = entries[at + entry_size - (8 if big else 4) : at + entry_size]
        if length * _SIZES[kind] > len(inline):
            _go_to(file, struct.unpack(order + pointer, inline)[0])
            inline = file.read(taken * _SIZES[kind])
        if len(inline) >= taken * _SIZES[kind]:
            tags[tag] = struct.unpack_from(f"{order}{taken}{_CODES[kind]}", inline)
            counts[tag], places[tag] = length, start + at
    following = struct.unpack(order + pointer, end)[0] if len(end) == (8 if big else 4) else 0
    return TiffPage(index, offset, tags, counts, places, order, big), following


def as_bytes(file: IO[bytes], page: TiffPage) -> BinaryIO:
    """The file with this page, of ``TiffReader.BITS``, described as 8-bit gray: its pixels are the packed bytes."""
    changed = {
        Tag.WIDTH: (page.width * page.bits + 7) // 8,
        Tag.BITS: 8,
        Tag.PHOTOMETRIC: BLACK_IS_ZERO,
        Tag.TILE_WIDTH: page.one(Tag.TILE_WIDTH, 0) * page.bits // 8,
    }
    return _redescribed(file, page, {tag: _entry(page, tag, 4, 1, value) for tag, value in changed.items()})


def plane(file: IO[bytes], page: TiffPage, number: int) -> BinaryIO:
    """The file with one of the planes of this page, which are stored separately, described as gray.

    Raises:
        SyntaxError: the planes have no equal numbers of strips or tiles.
    """
    changed = {
        tag: _entry(page, tag, 3, 1, value)
        for tag, value in (
            (Tag.SAMPLES, 1),
            (Tag.BITS, page.bits),
            (Tag.SAMPLE_FORMAT, page.sample_format),
            (Tag.PLANES, 1),
            (Tag.PHOTOMETRIC, BLACK_IS_ZERO),
            (Tag.EXTRA_SAMPLES, 0),
        )
    }
    for tag in (Tag.STRIP_OFFSETS, Tag.STRIP_SIZES, Tag.TILE_OFFSETS, Tag.TILE_SIZES):
        if tag in page.entries:
            changed[tag] = _share(file, page, tag, number)
    return _redescribed(file, page, changed)


def _share(file: IO[bytes], page: TiffPage, tag: int, number: int) -> bytes:
    """The entry of a tag with the values of one plane only, where it has those of all planes one after the other."""
    file.seek(page.entries[tag])
    head = file.read(page.entry_size)
    _, kind, count = struct.unpack_from(page.order + ("HHQ" if page.big else "HHI"), head)
    if kind not in _SIZES or count % page.samples or not count:
        raise SyntaxError(f"{count} strips or tiles in {page.samples} planes")
    share, size, room = count // page.samples, _SIZES[kind], page.entry_size - page.value_at
    if count * size <= room:
        values = struct.unpack_from(f"{page.order}{count}{_CODES[kind]}", head, page.value_at)
        return _entry(page, tag, kind, share, *values[number * share : (number + 1) * share])
    start = struct.unpack_from(page.order + page.pointer, head, page.value_at)[0] + number * share * size
    if share * size > room:
        return struct.pack(page.order + ("HHQQ" if page.big else "HHII"), tag, kind, share, start)
    _go_to(file, start)
    return _entry(page, tag, kind, share, *struct.unpack(f"{page.order}{share}{_CODES[kind]}", file.read(share * size)))


def _entry(page: TiffPage, tag: int, kind: int, count: int, *values: int) -> bytes:
    """An entry of the page's directory whose values fit in it."""
    head = struct.pack(page.order + ("HHQ" if page.big else "HHI"), tag, kind, count)
    return (head + struct.pack(f"{page.order}{count}{_CODES[kind]}", *values)).ljust(page.entry_size, b"\0")


def _redescribed(file: IO[bytes], page: TiffPage, changed: Mapping[int, bytes]) -> BinaryIO:
    """The file with other entries in the directory of a page, where it has these tags."""
    parts: list[Part] = []
    position = 0
    for tag, place in sorted(page.entries.items(), key=lambda entry: entry[1]):
        if tag in changed:
            parts += [(position, place - position), changed[tag]]
            position = place + page.entry_size
    length = file.seek(0, io.SEEK_END)
    return io.BufferedReader(Parts(file, [*parts, (position, length - position)]))


def unpacked(packed: np.ndarray, page: TiffPage) -> np.ndarray:
    """Samples out of rows of bytes, each row beginning with a whole byte, the most significant bit first.

    Args:
        packed: uint8, shape (rows, bytes).
        page: what they are of.

    Returns:
        uint16, shape (rows, width).
    """
    bits = np.unpackbits(packed, axis=1, count=page.width * page.bits).reshape(len(packed), page.width, page.bits)
    values = np.zeros(bits.shape[:2], dtype=np.uint16)
    for place in range(page.bits):
        values = (values << 1) | bits[:, :, place]
    return values
