"""Small pictures of every kind that is read, and damaged ones of these, each told by a seed and a number."""

from __future__ import annotations

import io
import struct
import tempfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import imagecodecs
import numpy as np
import pillow_heif
import tifffile
from PIL import Image

from runner.images.decode import decode_image
from runner.images.decoder_revision import revision_of
from runner.images.open_image import UnreadableImageError, exif_tags
from tests.images.test_raw import write_dng

WIDTH, HEIGHT = 23, 17
_PIXELS = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 4)).astype(np.uint8)

_SIZES = (
    (b"IHDR", 4, ">I"), (b"IHDR", 8, ">I"),
    (b"ispe", 8, ">I"), (b"ispe", 12, ">I"),
    (b"BM", 18, "<i"), (b"BM", 22, "<i"),
    (b"GIF8", 6, "<H"), (b"GIF8", 8, "<H"), (b"\x2c\0\0\0\0", 5, "<H"), (b"\x2c\0\0\0\0", 7, "<H"),
    (b"\xff\xc0", 5, ">H"), (b"\xff\xc0", 7, ">H"), (b"\xff\xc2", 5, ">H"), (b"\xff\xc2", 7, ">H"),
    (b"VP8X", 12, "<H"), (b"VP8X", 15, "<H"), (b"\x9d\x01\x2a", 3, "<H"), (b"\x9d\x01\x2a", 5, "<H"),
    (b"VP8L", 9, "<I"),
    (b"\0\1\4\0", 8, "<I"), (b"\1\1\4\0", 8, "<I"), (b"\0\1\3\0", 8, "<H"), (b"\1\1\3\0", 8, "<H"),
    (b"\x16\1\3\0", 8, "<H"), (b"\x15\1\3\0", 8, "<H"), (b"\2\1\3\0", 8, "<H"),
)  # fmt: skip
"""Where headers say how large a picture is, or how it is cut up: what stands before, how far from its start, how."""

_NUMBERS = (0, 1, 2, 3, 7, 255, 256, 8_000, 16_383, 32_767, 65_500, 65_535, 2**20, 2**24, 2**31 - 1, 2**31, 2**32 - 1)


@dataclass(frozen=True)
class Picture:
    """A file to be read.

    Attributes:
        name: what it is called; its ending is that of the whole picture it was made from.
        content: its bytes.
        at_least: as ``decode_image`` takes it.
    """

    name: str
    content: bytes
    at_least: int | None


def damaged_picture(seed: int, number: int) -> Picture:
    """The picture of this number: always the same one of a seed."""
    random = Random(f"{seed} {number}")
    name = random.choice(sorted(whole_pictures()))
    content = bytearray(whole_pictures()[name])
    for _ in range(random.choice((0, 1, 1, 1, 2, 3, 8))):
        _damage(content, random)
    if name.endswith(".png") and random.random() < 0.8:  # else a checksum is all that is ever looked at
        content = _with_right_checksums(content)
    return Picture(name, bytes(content), random.choice((None, 1, 5)))


def is_read(picture: Picture, file: Path) -> bool:
    """Whether a picture, written to ``file``, is decoded; False where it is refused. Whatever else is raised is wrong.

    A third of them is looked at by what reads headers alone as well.
    """
    file.write_bytes(picture.content)
    if picture.at_least is None:
        assert revision_of(file) in (0, 1)
        _value_or_reason(lambda: exif_tags(file))
    image = _value_or_reason(lambda: decode_image(file, at_least=picture.at_least))
    if image is None:
        return False
    assert image.mode == "RGB" and image.width >= 1 and image.height >= 1
    return True


def _value_or_reason(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except UnreadableImageError as error:
        assert error.reason and "\n" not in error.reason and len(error.reason) < 2_000, repr(error.reason)
        return None


def _damage(content: bytearray, random: Random) -> None:
    """Change bytes, a number or a size; cut the file off; leave a part out, repeat it, or put in one of another."""
    place = random.randrange(len(content) + 1)
    if random.random() < 0.5:
        place = min(place, random.randrange(64))  # headers decide
    end = place + random.choice((1, 2, 4, 13, 100, 1000))
    match random.choice(("bit", "bit", "byte", "byte", "number", "size", "cut", "remove", "repeat", "splice")):
        case "bit" if place < len(content):
            content[place] ^= 1 << random.randrange(8)
        case "byte" if place < len(content):
            content[place] = random.randrange(256)
        case "number":
            form = random.choice((">H", "<H", ">I", "<I"))
            new = struct.pack(form, random.choice(_NUMBERS) % 256 ** struct.calcsize(form))
            content[place : place + len(new)] = new
        case "size":
            _resize(content, random)
        case "cut":
            del content[place:]
        case "remove":
            del content[place:end]
        case "repeat":
            content[place:place] = content[place:end] * random.choice((1, 1, 2, 100))
        case "splice":
            other = whole_pictures()[random.choice(sorted(whole_pictures()))]
            start = random.randrange(len(other))
            content[place:end] = other[start : start + end - place]


def _resize(content: bytearray, random: Random) -> None:
    for mark, offset, form in random.sample(_SIZES, len(_SIZES)):
        start = content.find(mark)
        if start >= 0 and start + offset + struct.calcsize(form) <= len(content):
            most = 256 ** struct.calcsize(form) // (2 if form.endswith("i") else 1)
            struct.pack_into(form, content, start + offset, random.choice(_NUMBERS) % most)
            return


def _with_right_checksums(content: bytearray) -> bytearray:
    position = 8
    while position + 12 <= len(content):
        length = int.from_bytes(content[position : position + 4], "big")
        end = position + 8 + length
        if end + 4 > len(content):
            break
        content[end : end + 4] = zlib.crc32(content[position + 4 : end]).to_bytes(4, "big")
        position = end + 4
    return content


@cache
def whole_pictures() -> dict[str, bytes]:
    """Files of every kind and of many ways to store a picture, by their names."""
    rgba = Image.fromarray(_PIXELS)
    rgb, gray = rgba.convert("RGB"), rgba.convert("L")
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8769)[0x9003] = "2024:05:01 10:00:00"
    saved = {
        "photo.jpg": _saved(rgb, "JPEG", exif=exif),
        "scans.jpg": _saved(rgb, "JPEG", progressive=True),
        "inks.jpg": _saved(rgb.convert("CMYK"), "JPEG"),
        "gray.jpg": _saved(gray, "JPEG", optimize=True),
        "photo.png": _saved(rgba, "PNG", exif=exif),
        "palette.png": _saved(rgb.quantize(9), "PNG", transparency=3),
        "bits.png": _saved(gray.convert("1"), "PNG"),
        "deep.png": _saved(Image.fromarray(_PIXELS[..., 0].astype(np.uint16) * 257), "PNG"),
        "frames.gif": _saved(rgb.quantize(16), "GIF", save_all=True, append_images=[gray]),
        "photo.bmp": _saved(rgb, "BMP"),
        "palette.bmp": _saved(rgb.quantize(200), "BMP"),
        "lossy.webp": _saved(rgb, "WEBP", exif=exif),
        "lossless.webp": _saved(rgba, "WEBP", lossless=True),
        "frames.webp": _saved(rgba, "WEBP", save_all=True, append_images=[rgba.rotate(180)]),
        "photo.avif": _saved(rgba, "AVIF", speed=10),
        "plain.tif": _saved(rgb, "TIFF", exif=exif),
        "lzw.tif": _saved(rgb, "TIFF", compression="tiff_lzw"),
        "jpeg.tif": _saved(rgb, "TIFF", compression="jpeg"),
        "fax.tif": _saved(gray.convert("1"), "TIFF", compression="group4"),
        "palette.tif": _saved(rgb.quantize(9), "TIFF", compression="packbits"),
        "inks.tif": _saved(rgb.convert("CMYK"), "TIFF", compression="tiff_deflate"),
    }
    return saved | _by_tifffile() | _by_libjxl(rgb) | {"photo.heic": _heic(rgb), "photo.dng": _dng()}


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _by_tifffile() -> dict[str, bytes]:
    deep = _PIXELS.astype(np.uint16) * 257
    written = {
        "deep.tif": (deep[..., 0], {"photometric": "miniswhite", "rowsperstrip": 5}),
        "planes.tif": (
            np.ascontiguousarray(np.moveaxis(deep[..., :3], -1, 0)), {"photometric": "rgb", "planarconfig": "separate"},
        ),
        "tiles.tif": (deep[..., :3], {"photometric": "rgb", "tile": (16, 16), "compression": "zlib"}),
        "floats.tif": (_PIXELS[..., 0].astype(np.float32) / 255, {"photometric": "minisblack"}),
        "big.tif": (_PIXELS[..., :3], {"photometric": "rgb"}),
    }  # fmt: skip
    files = {}
    for name, (pixels, options) in written.items():
        file = io.BytesIO()
        tifffile.imwrite(file, pixels, bigtiff=name == "big.tif", **options)
        files[name] = file.getvalue()
    return files


def _by_libjxl(image: Image.Image) -> dict[str, bytes]:
    return {
        "lossless.jxl": imagecodecs.jpegxl_encode(_PIXELS, lossless=True),
        "lossy.jxl": imagecodecs.jpegxl_encode(np.asarray(image), usecontainer=True),
        "was_jpeg.jxl": imagecodecs.jpegxl_encode_jpeg(_saved(image, "JPEG")),
    }


def _dng() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return write_dng(Path(folder, "photo.dng"), 6).read_bytes()


def _heic(image: Image.Image) -> bytes:
    file = io.BytesIO()
    pillow_heif.from_pillow(image).save(file, quality=50)
    return file.getvalue()
