"""JPEG XL: every usual layout to the pixels that were written, sizes from the header, and what is cut is refused."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from runner.images.decode import UnreadableImageError, decode_image
from runner.images.open_image import exif_tags, image_size

PHOTO = np.asarray(
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (6, 8, 4)).astype(np.uint8)).resize((120, 90))
)


def off_by(path: Path, expected: np.ndarray) -> float:
    return float(np.abs(np.asarray(decode_image(path)).astype(float) - expected).max())


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_lossless(save: Callable[..., Path], channels: int, dtype: type) -> None:
    samples = PHOTO[..., :channels].astype(dtype) * (257 if dtype is np.uint16 else 1)
    path = save("a.jxl", imagecodecs.jpegxl_encode(np.squeeze(samples), lossless=True))
    assert image_size(path) == (120, 90)
    opacity = PHOTO[..., 3:] / 255.0 if channels == 4 else 1
    assert off_by(path, PHOTO[..., : min(channels, 3)] * opacity + 255 * (1 - opacity)) <= 1


@pytest.mark.parametrize(
    "size",
    [
        (1, 1),
        (8, 8),
        (64, 256),
        (256, 64),
        (23, 17),
        (600, 3),
        (90, 75),
        (400, 300),
        (300, 200),
        (160, 90),
        (9, 5),
        (2000, 1000),
    ],
)
def test_every_way_to_write_a_size(save: Callable[..., Path], size: tuple[int, int]) -> None:
    path = save("a.jxl", imagecodecs.jpegxl_encode(np.zeros((size[1], size[0], 3), np.uint8), effort=1))
    assert image_size(path) == size == decode_image(path).size


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_jpeg_made_smaller_is_turned_upright(save: Callable[..., Path], orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    jpeg = save("a.jpg", Image.fromarray(PHOTO[..., :3]), exif=exif, quality=95)
    path = save("a.jxl", imagecodecs.jpegxl_encode_jpeg(jpeg.read_bytes()))
    assert image_size(path) == image_size(jpeg)
    assert np.abs(np.asarray(decode_image(path)).astype(float) - np.asarray(decode_image(jpeg))).mean() < 2


def test_its_date_stands_in_a_box_whose_orientation_counts_for_nothing(save: Callable[..., Path]) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8769)[0x9003] = "2024:05:01 10:00:00"
    content = bytes(4) + exif.tobytes().removeprefix(b"Exif\0\0")
    data = imagecodecs.jpegxl_encode(PHOTO, lossless=True, usecontainer=True)
    path = save("a.jxl", data + struct.pack(">I4s", 8 + len(content), b"Exif") + content)
    assert exif_tags(path)[0x9003] == "2024:05:01 10:00:00"
    assert image_size(path) == decode_image(path).size == (120, 90)


def test_photographs_of_a_lossy_one(save: Callable[..., Path]) -> None:
    path = save("named.png", imagecodecs.jpegxl_encode(PHOTO[..., :3].copy(), distance=0.5))
    assert np.abs(np.asarray(decode_image(path)).astype(float) - PHOTO[..., :3]).mean() < 4


def test_the_first_frame(save: Callable[..., Path]) -> None:
    frames = np.stack([PHOTO[..., :3], 255 - PHOTO[..., :3]])
    assert off_by(save("a.jxl", imagecodecs.jpegxl_encode(frames, lossless=True)), PHOTO[..., :3]) == 0


def test_what_is_cut_is_refused(save: Callable[..., Path]) -> None:
    data = imagecodecs.jpegxl_encode(PHOTO, lossless=True)
    for length in (2, 3, 5, 30, len(data) // 2, len(data) - 20):
        with pytest.raises(UnreadableImageError):
            decode_image(save("a.jxl", data[:length]))


def test_floats_are_refused(save: Callable[..., Path]) -> None:
    path = save("a.jxl", imagecodecs.jpegxl_encode(PHOTO[..., :3].astype(np.float32) / 255, lossless=True))
    with pytest.raises(
        UnreadableImageError, match="samples of type float32 are not read; save a copy with 8 or 16 bits"
    ):
        decode_image(path)


def test_too_large_is_told_by_the_header(save: Callable[..., Path]) -> None:
    number = 0x0AFF | (0 << 16) | (2 << 17) | (29_999 << 19) | (1 << 37)  # 30,000 rows, as many columns
    path = save("a.jxl", struct.pack("<Q", number) + bytes(100))
    assert image_size(path) == (30_000, 30_000)
    with pytest.raises(UnreadableImageError, match="30000 × 30000 = 900,000,000 pixels is over the limit"):
        decode_image(path)
