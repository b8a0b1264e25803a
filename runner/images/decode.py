"""Reading one image file as upright RGB pixels, or saying why it can't be read."""

from __future__ import annotations

import os
import stat
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

# Importing the plugins fills Pillow's registry, once and before any thread decodes.
from PIL import (
    BmpImagePlugin,  # noqa: F401
    ExifTags,
    GifImagePlugin,  # noqa: F401
    Image,
    ImageFile,
    JpegImagePlugin,  # noqa: F401
    PngImagePlugin,
    TiffImagePlugin,  # noqa: F401
    WebPImagePlugin,  # noqa: F401
)

from runner.errors import RunnerError
from runner.images.flatten import flatten

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "DIB")
"""Pillow's names of the formats that are read, whatever the file is called."""

MAX_PIXELS = 500_000_000
"""Largest image that is decoded, in pixels of its first frame; a larger one is refused with its size. At the limit
decoding takes about 2 GB of memory if reduced on the way (``at_least``); 4 GB, or 8 GB with transparency, if not."""

LARGE_PIXELS = 50_000_000
"""Images above this are decoded one at a time, so that a pool of threads never holds several of them at once."""

REDUCING_GAP = 2
"""A reduced decode keeps at least this many times the pixels asked for along the shorter side; the difference to
a full decode, after the final resize, is then about that of one more JPEG compression at quality 90."""

_TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes an image upright, by the value of its EXIF orientation tag (EXIF 2.32, tag 0x0112)."""

_SWAPPING_SIDES = (5, 6, 7, 8)

_one_large_image = threading.Lock()


class UnreadableImageError(RunnerError):
    """An image file can't be used; ``reason`` says why in words that fit after the file's name."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def decode_image(path: str | Path, *, at_least: int | None = None) -> Image.Image:
    """The first frame of an image file, upright, in RGB, transparency composed onto white.

    Safe to call from several threads; no global state of Pillow is touched.

    Args:
        path: the file. Its content decides the format, not its name.
        at_least: shortest side in pixels that the caller will need. If given, JPEGs are decoded at 1/2, 1/4 or 1/8
            and other images above ``LARGE_PIXELS`` are reduced by a box filter, where ``REDUCING_GAP`` times that
            many pixels remain along the shorter side. None decodes at full size.

    Returns:
        A plain RGB image whose edges are those of the original. ``info`` holds only ``source_size``: the upright
        image's own (width, height), of which the returned size may be a rounded fraction.

    Raises:
        UnreadableImageError: the file is missing, empty, not an image, truncated, corrupt or too large.
        ValueError: ``at_least`` is below 1.
    """
    if at_least is not None and at_least < 1:
        raise ValueError(f"at_least must be at least 1, not {at_least}")
    path = Path(path)
    _require_content(path)
    with _damage_as_reason(), path.open("rb") as file:
        image = _open(file)
        pixels = image.width * image.height
        if pixels > MAX_PIXELS:
            raise UnreadableImageError(
                f"{image.width} × {image.height} = {pixels:,} pixels is over the limit of {MAX_PIXELS:,}; scale it down"
            )
        if pixels > LARGE_PIXELS:
            with _one_large_image:
                return _decode(image, at_least)
        return _decode(image, at_least)


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
    except Image.DecompressionBombError as error:  # a few plugins check by themselves while decoding
        raise UnreadableImageError(f"{error} Scale it down.") from error
    except Exception as error:  # damaged bytes make Pillow's decoders raise nearly every type there is
        detail = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise UnreadableImageError(f"damaged or incomplete: {detail}") from error


def _open(file: IO[bytes]) -> ImageFile.ImageFile:
    """The plugin's image, headers read, pixels not.

    ``Image.open`` is passed by because its pixel limit is a global that other code in this process may rely on,
    and because it does no more than warn of what is up to twice as large.
    """
    prefix = file.read(16)
    for name in FORMATS:
        factory, accept = Image.OPEN[name]
        accepted = accept is None or accept(prefix)
        if isinstance(accepted, str):
            raise UnreadableImageError(accepted)
        if not accepted:
            continue
        if name == "PNG":  # Pillow's decoder ignores the checksums of pixel chunks; verify() reads them all
            file.seek(0)
            PngImagePlugin.PngImageFile(file).verify()
        file.seek(0)
        return factory(file, os.fsdecode(file.name))
    raise UnreadableImageError("not a JPEG, PNG, BMP, TIFF, WebP or GIF image, whatever its name says")


def _decode(image: ImageFile.ImageFile, at_least: int | None) -> Image.Image:
    """Load the pixels of an opened image and bring them into their final form."""
    source_size = image.size
    extent = (float(image.width), float(image.height))  # how much of the pixel grid the picture covers
    if at_least is not None:
        enough = REDUCING_GAP * at_least
        drafted = image.draft(None, (enough, enough))
        if drafted is not None:
            extent = drafted[1][2], drafted[1][3]
    image.load()
    factor = 1
    if at_least is not None and image.width * image.height > LARGE_PIXELS:
        factor = max(1, min(image.size) // (REDUCING_GAP * at_least))
    orientation = _orientation(image)
    result = _on_whole_pixels(flatten(image, factor), (extent[0] / factor, extent[1] / factor))
    if orientation in _TRANSPOSITIONS:
        result = result.transpose(_TRANSPOSITIONS[orientation])
    result.info = {"source_size": source_size[::-1] if orientation in _SWAPPING_SIDES else source_size}
    return result


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation; 1 (upright) where the tag is absent or the EXIF block is broken, as viewers do."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except (SyntaxError, ValueError, TypeError, LookupError, OSError, struct.error):
        return 1


def _on_whole_pixels(image: Image.Image, extent: tuple[float, float]) -> Image.Image:
    """Resample so that the picture fills its pixel grid exactly.

    Scaling 427 rows by 1/2 gives 214 rows of which the last is half empty. Taken for a full row it would shift the
    whole picture, the largest error of a reduced decode by far.
    """
    if image.size == extent:
        return image
    size = round(extent[0]), round(extent[1])
    return image.resize(size, Image.Resampling.BICUBIC, box=(0, 0, *extent))
