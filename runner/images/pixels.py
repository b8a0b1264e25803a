"""From an opened file to upright RGB pixels, within the limits of memory and time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from PIL import Image, ImageFile, JpegImagePlugin

from runner.images.flatten import flatten
from runner.images.jpeg import lacks_only_its_end, read_scans, with_end
from runner.images.jpeg_xl import JpegXl
from runner.images.jpeg_xl import pixels_of as jpeg_xl_pixels
from runner.images.kinds import Kind
from runner.images.limits import FULL_PIXELS, LARGE_PIXELS, LARGE_WEBP_PIXELS, MEMORY, OVERHEAD, SECONDS, memory
from runner.images.open_image import OpenedImage, UnreadableImageError
from runner.images.png import Png, pixels_of
from runner.images.shallow import shallow
from runner.images.strips import STRIP_PIXELS, Strip, Strips, array_strips, pillow_strips, rows_of_strip, vips_strips
from runner.images.tiff import CMYK, TiffPage, TiffReader, as_bytes, plane, unpacked

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

_BYTES_OF_STRIP = 24
"""Bytes a pixel while a strip is converted; for ``STRIP_PIXELS`` they are in ``OVERHEAD``."""


@dataclass(frozen=True)
class _Plan:
    """How an image is read, and what that takes.

    Attributes:
        load: gives the strips.
        size: of the strips.
        loading: bytes taken at most until the strips are there.
        held: bytes taken while they are read.
        seconds: about the time that all takes.
        factor: by which they are shrunk.
        extent: how much of their pixel grid the picture covers; None for all.
    """

    load: Callable[[], Strips]
    size: tuple[int, int]
    loading: int
    held: int
    seconds: float
    factor: int = 1
    extent: tuple[float, float] | None = None

    def memory(self, turned: bool) -> int:
        """Bytes taken at most."""
        resampled = self.extent is not None and self.extent != self.size
        result = _bytes_held((-(-self.size[0] // self.factor), -(-self.size[1] // self.factor)), "RGB")
        wide = max(0, self.size[0] * min(rows_of_strip(self.size[0], self.factor), self.size[1]) - STRIP_PIXELS)
        held = self.held + wide * _BYTES_OF_STRIP
        return OVERHEAD + max(self.loading, held + result, result * (2 if turned or resampled else 1))


def read_pixels(image: OpenedImage, at_least: int | None) -> Image.Image:
    """The image upright in RGB on white, reduced as ``decode_image`` says.

    Raises:
        UnreadableImageError: that would take more memory or time than is allowed.
    """
    turned = image.orientation in _TRANSPOSITIONS
    plan = _plan(image, at_least)
    needed = plan.memory(turned)
    if needed > MEMORY or plan.seconds > SECONDS:
        raise UnreadableImageError(_too_costly(image, needed, plan.seconds))
    with memory.reserved(needed):
        extent = plan.extent or plan.size
        result = flatten(plan.load(), plan.factor)
        result = _on_whole_pixels(result, (extent[0] / plan.factor, extent[1] / plan.factor))
        return result.transpose(_TRANSPOSITIONS[image.orientation]) if turned else result


def _too_costly(image: OpenedImage, needed: int, seconds: float) -> str:
    width, height = image.size
    what = f"{width} × {height} pixels as {image.kind}"
    if needed > MEMORY:
        limit = f"over the limit of {MEMORY >> 20}"
        return f"{what} would take {needed / 2**20:,.0f} MiB to decode, {limit}; use a smaller copy"
    return (
        f"{what} would take about {seconds:,.0f} s to decode, over the limit of {SECONDS}; save a copy as another kind"
    )


def _plan(image: OpenedImage, at_least: int | None) -> _Plan:
    if image.kind is Kind.JPEG:
        return _plan_jpeg(image, at_least)
    if isinstance(image.details, Png):
        return _plan_png(image, image.details, at_least)
    if isinstance(image.details, TiffPage):
        return _plan_tiff(image, image.details, at_least)
    if isinstance(image.details, JpegXl):
        return _plan_jpeg_xl(image, at_least)
    if image.kind is Kind.WEBP and image.size[0] * image.size[1] > LARGE_WEBP_PIXELS:
        return _plan_large_webp(image, at_least)
    return _plan_pillow(image, image.pillow(), at_least)


def _factor(size: tuple[int, int], at_least: int | None) -> int:
    """By how much a large image is shrunk: as far as the caller allows, and until it may be handed on."""
    width, height = size
    factor = 1
    if at_least is not None and width * height > LARGE_PIXELS:
        factor = max(1, min(size) // (REDUCING_GAP * at_least))
    while -(-width // factor) * -(-height // factor) > FULL_PIXELS:
        factor += 1
    return factor


def _loaded(pillow: ImageFile.ImageFile) -> Strips:
    pillow.load()
    return pillow_strips(pillow)


def _plan_pillow(image: OpenedImage, pillow: ImageFile.ImageFile, at_least: int | None) -> _Plan:
    """What Pillow decodes as a whole."""
    pixels = image.size[0] * image.size[1]
    held = _bytes_held(image.size, pillow.mode)
    beside = pixels * _BESIDE.get(image.kind, 0)
    pace = _SLOW if pillow.tile and pillow.tile[0][0] == "bmp_rle" else _PACE
    factor = _factor(image.size, at_least)
    return _Plan(partial(_loaded, pillow), image.size, held + beside, held, pixels * pace, factor)


def _bytes_held(size: tuple[int, int], mode: str) -> int:
    """What Pillow takes for an image: rows of whole words, and where each of them is."""
    pixel = 1 if mode in ("1", "L", "P") else 2 if mode.startswith("I;16") else 4
    return size[1] * (-(-size[0] * pixel // 4) * 4 + 8)


_PACE_OF_SCAN = 4e-9
"""Seconds a pixel for each scan of a JPEG."""
_PACE = 20e-9
"""Seconds a pixel, for decoders in C."""
_PACE_OF_BYTES = 6e-9
"""Seconds a byte of uncompressed pixels."""
_PACE_OF_STORED = 30e-9
"""Seconds a byte of a compressed PNG."""
_PACE_OF_LINE = 2e-6
"""Seconds for a row of pixels, however short, by libvips."""
_PACE_OF_BLOCK = 60e-6
"""Seconds for a strip or tile of a TIFF, however small, by libvips."""
_PACE_OF_ROW = 100e-9
"""Seconds for a row of tiles, to be multiplied by the square of their number: libvips searches it for each of them."""
_SLOW = 2e-6
"""The same for one in Python."""
_BESIDE = {Kind.GIF: 3, Kind.WEBP: 12, Kind.AVIF: 8, Kind.HEIF: 8}
"""Bytes a pixel that a decoder takes beside its result."""


# --- JPEG -------------------------------------------------------------------------------------------------------------


def _plan_jpeg(image: OpenedImage, at_least: int | None) -> _Plan:
    """Scaled down while it is decoded."""
    pillow = image.pillow()
    width, height = image.size
    asked = None if at_least is None else (REDUCING_GAP * at_least,) * 2
    scale = 1
    while -(-width // scale) * -(-height // scale) > FULL_PIXELS and scale < 8:
        scale *= 2
    if scale > 1 and (asked is None or min(image.size) // asked[0] < scale):
        asked = max(1, width // scale), max(1, height // scale)
    extent: tuple[float, float] = image.size
    if asked is not None and (drafted := pillow.draft(None, asked)) is not None:
        extent = drafted[1][2], drafted[1][3]
    scans = read_scans(image.file).count
    held = _bytes_held(pillow.size, pillow.mode)
    coefficients = 0 if scans == 1 else int(2 * _samples(pillow) * width * height)
    seconds = width * height * (_PACE + scans * _PACE_OF_SCAN)
    load = partial(_load_jpeg, image, pillow, asked)
    return _Plan(load, pillow.size, held + coefficients, held, seconds, _factor(pillow.size, at_least), extent)


def _load_jpeg(image: OpenedImage, pillow: ImageFile.ImageFile, asked: tuple[int, int] | None) -> Strips:
    image.file.seek(0)
    try:
        return _loaded(pillow)
    except OSError:
        if not lacks_only_its_end(image.file):
            raise
    ended = JpegImagePlugin.JpegImageFile(with_end(image.file))
    if asked is not None:
        ended.draft(None, asked)
    return _loaded(ended)


def _samples(pillow: ImageFile.ImageFile) -> float:
    """Samples a pixel, colours that are stored at half the resolution counted by what they take."""
    layers = getattr(pillow, "layer", ())
    most = max((across * down for _, across, down, _ in layers), default=1)
    return sum(across * down for _, across, down, _ in layers) / most if layers else 3


# --- PNG --------------------------------------------------------------------------------------------------------------


def _plan_png(image: OpenedImage, png: Png, at_least: int | None) -> _Plan:
    width, height = image.size
    if width * height <= LARGE_PIXELS and not png.is_beyond_pillow:
        return _plan_pillow(image, image.pillow(), at_least)

    raw = width * png.shown_channels * max(8, png.depth) // 8
    held = raw * (height if png.interlaced else min(height, _VIPS_ROWS)) * 2
    factor = _factor(image.size, at_least)
    stored = os.fstat(image.file.fileno()).st_size
    seconds = height * (raw * _PACE_OF_BYTES + _PACE_OF_LINE) + stored * _PACE_OF_STORED
    return _Plan(partial(_png_strips, image, png), image.size, held, held, seconds, factor)


def _png_strips(image: OpenedImage, png: Png) -> Strips:
    source = pixels_of(image.file, png)
    if (png.color_type, png.depth) == (0, 16):
        transparent = int.from_bytes(png.transparency[:2], "big") if png.transparency else None
        return vips_strips("pngload_source", source, _first_channel, deep=True, transparent=transparent)
    return vips_strips("pngload_source", source, _by_channels)


def _by_channels(pixels: np.ndarray) -> Strip:
    """Gray or RGB, followed by alpha if there is any."""
    return shallow(pixels, alpha="straight" if pixels.shape[2] in (2, 4) else "")


def _first_channel(pixels: np.ndarray) -> Strip:
    return pixels[:, :, 0]


_VIPS_ROWS = 64


# --- TIFF -------------------------------------------------------------------------------------------------------------


def _plan_tiff(image: OpenedImage, page: TiffPage, at_least: int | None) -> _Plan:
    try:
        reader = page.reader()
    except ValueError as error:
        raise UnreadableImageError(
            f"is a TIFF of {error}, which is not read; save a copy as 8 or 16 bits of gray or RGB"
        ) from error
    width, height = image.size
    if reader is TiffReader.PILLOW and width * height <= LARGE_PIXELS:
        return _plan_pillow(image, image.pillow(), at_least)
    page.require_all_blocks()
    held = page.block_bytes * 3
    across, down = page.blocks
    seconds = height * (width * page.samples * (page.bits + 7) // 8 * _PACE_OF_BYTES + _PACE_OF_LINE)
    seconds += down * (across * _PACE_OF_BLOCK + across * across * _PACE_OF_ROW)
    load = partial(_tiff_strips, image, page, reader)
    return _Plan(load, image.size, held, held, 2 * seconds, _factor(image.size, at_least))  # deep ones are read twice


def _tiff_strips(image: OpenedImage, page: TiffPage, reader: TiffReader) -> Strips:
    load = partial(vips_strips, "tiffload_source", page=page.index)
    inverted = page.white_is_zero_deep
    if reader is TiffReader.BITS:
        return load(
            as_bytes(image.file, page),
            lambda packed: unpacked(packed[:, :, 0], page),
            size=image.size,
            deep=True,
            white=2**page.bits - 1,
            inverted=page.photometric == 0,
        )
    if page.is_separate:
        planes = [load(plane(image.file, page, number), _first_channel) for number in range(page.samples)]
        return _together(planes, lambda pixels: shallow(pixels, alpha=page.alpha, cmyk=page.photometric == CMYK))
    if page.is_gray and (page.bits > 8 or page.sample_format != 1) and not page.alpha:
        convert = _as_stored if inverted else _first_channel
        return load(image.file, convert, deep=True, inverted=inverted)
    alpha = "straight" if page.alpha else ""  # libvips divides by what colours were multiplied with
    return load(image.file, lambda pixels: shallow(pixels, alpha=alpha, cmyk=page.photometric == CMYK))


def _together(planes: Sequence[Strips], convert: Callable[[np.ndarray], Strip]) -> Strips:
    """Images of one channel each as one of several."""

    def read(rows: int) -> Iterator[tuple[int, Strip]]:
        for strips in zip(*(channel.read(rows) for channel in planes), strict=True):
            yield strips[0][0], convert(np.stack([strip for _, strip in strips], axis=-1))

    return Strips(planes[0].size, read)


def _as_stored(pixels: np.ndarray) -> Strip:
    """16-bit gray that libvips has inverted, inverted again: its depth shows in the numbers as they are stored."""
    return 65535 - pixels[:, :, 0]


# --- WebP -------------------------------------------------------------------------------------------------------------


def _plan_large_webp(image: OpenedImage, at_least: int | None) -> _Plan:
    """Scaled down while it is decoded, which Pillow has no way to ask for."""
    width, height = image.size
    factor = _factor(image.size, at_least)
    while width * height > LARGE_WEBP_PIXELS * factor * factor:
        factor += 1
    image.file.seek(12)
    is_lossy = image.file.read(4) == b"VP8 "
    size = max(1, round(width / factor)), max(1, round(height / factor))
    held = size[0] * size[1] * 8 + (0 if is_lossy else width * height * 8)
    load = partial(vips_strips, "webpload_source", image.file, _by_channels, scale=1 / factor)
    return _Plan(load, size, held, held, width * height * 1.5 * _PACE)


# --- JPEG XL ----------------------------------------------------------------------------------------------------------

_BYTES_OF_JPEG_XL = 20
"""Bytes a pixel while it is decoded: pictures of every kind of coding took 4 to 10."""
_PACE_OF_JPEG_XL = 300e-9


def _plan_jpeg_xl(image: OpenedImage, at_least: int | None) -> _Plan:
    pixels = image.size[0] * image.size[1]
    stored = os.fstat(image.file.fileno()).st_size
    loading, held = stored + pixels * _BYTES_OF_JPEG_XL, pixels * 8
    load = partial(_jpeg_xl_strips, image)
    return _Plan(load, image.size, loading, held, pixels * _PACE_OF_JPEG_XL, _factor(image.size, at_least))


def _jpeg_xl_strips(image: OpenedImage) -> Strips:
    pixels = jpeg_xl_pixels(image.file)
    if (pixels.shape[1], pixels.shape[0]) != image.size:
        raise SyntaxError("its pixels are not as many as its header says")
    return array_strips(pixels, _by_channels)


def _on_whole_pixels(image: Image.Image, extent: tuple[float, float]) -> Image.Image:
    """Resample so that the picture fills its pixel grid exactly.

    Scaling 427 rows by 1/2 gives 214 rows of which the last is half empty. Taken for a full row it would shift the
    whole picture, the largest error of a reduced decode by far.
    """
    if image.size == extent:
        return image
    size = round(extent[0]), round(extent[1])
    return image.resize(size, Image.Resampling.BICUBIC, box=(0, 0, *extent))
