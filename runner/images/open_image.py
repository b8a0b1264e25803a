"""Opening an image file: what it is and says of itself, by its header; its pixels stay where they are."""

from __future__ import annotations

import io
import os
import stat
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from textwrap import shorten
from typing import BinaryIO

from PIL import ExifTags, Image, ImageFile, JpegImagePlugin, PngImagePlugin, TiffImagePlugin

from runner.errors import RunnerError
from runner.images.jpeg_xl import JpegXl, read_jpeg_xl
from runner.images.kinds import HEAD_SIZE, Kind, kind_of
from runner.images.png import Png, exif_sources, pixels_of, read_png
from runner.images.raw import read_preview
from runner.images.readable_kinds import plugin, why_unreadable
from runner.images.tiff import Tag, TiffPage, read_page

_SWAPPING_SIDES = (5, 6, 7, 8)
_LONGEST_DETAIL = 200
"""Characters of what a decoder says; some say it once for each row."""


class UnreadableImageError(RunnerError):
    """An image file can't be used; ``reason`` says why in words that fit after the file's name."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class OpenedImage:
    """An image file whose header has been read.

    Attributes:
        file: the open file.
        kind: what it is, whatever its name.
        size: width and height as stored, before it is turned upright.
        orientation: what makes it upright, as EXIF counts: 1 to 8.
        exif: reads its EXIF tags.
        pillow: makes Pillow's image of it, its pixels not loaded; the whole file is looked at where that needs it.
        details: what its header says beside that, of a PNG, a TIFF or a JPEG XL.
    """

    file: BinaryIO
    kind: Kind
    size: tuple[int, int]
    orientation: int
    exif: Callable[[], Image.Exif]
    pillow: Callable[[], ImageFile.ImageFile]
    details: Png | TiffPage | JpegXl | None = None

    @property
    def upright_size(self) -> tuple[int, int]:
        """Width and height of the image as people see it."""
        return self.size[::-1] if self.orientation in _SWAPPING_SIDES else self.size


@contextmanager
def opened(path: Path) -> Iterator[OpenedImage]:
    """Open an image file. What goes wrong inside the ``with`` is told as a reason too.

    Raises:
        UnreadableImageError: the file is missing, empty, not an image, or damaged.
    """
    _require_content(path)
    with _damage_as_reason(), path.open("rb") as file:
        kind = kind_of(file.read(HEAD_SIZE), path.name)
        if (reason := why_unreadable(kind)) is not None or kind is None:
            raise UnreadableImageError(reason or "")
        file.seek(0)
        yield _OPENERS.get(kind, _open_by_pillow)(file, kind)


def image_size(path: Path) -> tuple[int, int]:
    """Width and height of an image file as people see it, from its header; errors as for ``opened``."""
    with opened(path) as image:
        return image.upright_size


def exif_tags(path: Path) -> dict[int, object]:
    """The tags of an image file's main and EXIF directories, none where it has none; errors as for ``opened``."""
    with opened(path) as image:
        exif = image.exif()
        return {**exif, **exif.get_ifd(ExifTags.IFD.Exif)}


def _require_content(path: Path) -> None:
    """Refuse what can't be opened as a file; opening a named pipe would wait for ever."""
    try:
        status = path.stat()
    except OSError as error:
        raise UnreadableImageError(f"cannot be opened: {error.strerror or error}") from error
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableImageError("is not a regular file")
    if status.st_size == 0:
        raise UnreadableImageError("the file is empty")


@contextmanager
def _damage_as_reason() -> Iterator[None]:
    try:
        yield
    except UnreadableImageError:
        raise
    except MemoryError as error:
        raise UnreadableImageError("needs more memory than there is") from error
    except Exception as error:  # damaged bytes make decoders raise nearly every type there is
        detail = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise UnreadableImageError(f"damaged or incomplete: {shorten(detail, _LONGEST_DETAIL)}") from error


def _open_by_pillow(file: BinaryIO, kind: Kind) -> OpenedImage:
    """What Pillow reads rightly as it is.

    ``Image.open`` is passed by because its pixel limit is a global that other code in this process may rely on,
    and because it does no more than warn of what is up to twice as large.
    """
    image = plugin(kind)(file, os.fsdecode(file.name))
    exif = partial(Image.Image.getexif, image)  # that of some plugins loads the pixels
    return OpenedImage(file, kind, image.size, _orientation(exif), exif, lambda: image)


def _open_png(file: BinaryIO, kind: Kind) -> OpenedImage:
    png = read_png(file)
    holder = Image.Image()
    holder.info.update(exif_sources(file))

    def pillow() -> ImageFile.ImageFile:
        return PngImagePlugin.PngImageFile(pixels_of(file, png))

    return OpenedImage(file, kind, (png.width, png.height), _orientation(holder.getexif), holder.getexif, pillow, png)


class _TiffPixels(TiffImagePlugin.TiffImageFile):
    """The pixels alone: an EXIF block may be damaged, and the image is turned upright where all others are."""

    def load_end(self) -> None:
        self._size = self.im.size


def _open_tiff(file: BinaryIO, kind: Kind) -> OpenedImage:
    page = read_page(file)

    def pillow() -> ImageFile.ImageFile:
        file.seek(0)
        image = _TiffPixels(file)
        image.seek(page.index)
        return image

    orientation = page.one(Tag.ORIENTATION, 1)
    orientation = orientation if 1 <= orientation <= 8 else 1
    exif = partial(_tiff_exif, file, page)
    return OpenedImage(file, kind, (page.width, page.height), orientation, exif, pillow, page)


def _tiff_exif(file: BinaryIO, page: TiffPage) -> Image.Exif:
    tags = Image.Exif()
    tags.endian, tags.bigtiff = page.order, page.big
    tags.load_from_fp(file, page.offset)
    return tags


def _orientation(exif: Callable[[], Image.Exif], default: int = 1) -> int:
    """The EXIF orientation; ``default`` where the tag is absent or the EXIF block is broken, as viewers do."""
    try:
        value = int(exif().get(ExifTags.Base.Orientation, default))
    except (SyntaxError, ValueError, TypeError, LookupError, OSError, struct.error):
        return default
    return value if 1 <= value <= 8 else default


def _open_jpeg_xl(file: BinaryIO, kind: Kind) -> OpenedImage:
    header = read_jpeg_xl(file)

    def exif() -> Image.Exif:
        tags = Image.Exif()
        tags.load(b"Exif\0\0" + header.exif if header.exif else b"")
        return tags

    def pillow() -> ImageFile.ImageFile:
        raise SyntaxError("Pillow reads no JPEG XL")

    return OpenedImage(file, kind, (header.width, header.height), header.orientation, exif, pillow, header)


def _open_raw(file: BinaryIO, kind: Kind) -> OpenedImage:
    """The embedded JPEG, read as any other; the tags are those of the file itself where it is a TIFF by its bytes."""
    preview = read_preview(os.fsdecode(file.name))
    content = io.BytesIO(preview.jpeg)
    image = JpegImagePlugin.JpegImageFile(content)
    exif = partial(Image.Image.getexif, image)
    orientation = _orientation(exif, preview.orientation)
    file.seek(0)
    if file.read(4) in (b"II*\0", b"MM\0*"):
        exif = partial(_tiff_exif, file, read_page(file))
    return OpenedImage(content, Kind.JPEG, image.size, orientation, exif, lambda: image)


_OPENERS = {Kind.PNG: _open_png, Kind.TIFF: _open_tiff, Kind.JPEG_XL: _open_jpeg_xl, Kind.RAW: _open_raw}
