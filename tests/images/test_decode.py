"""Orientation, damage, size, and reduced decoding."""

from __future__ import annotations

import io
import os
import random
import struct
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_image

from runner.images.decode import UnreadableImageError, decode_image

PHOTO = load_sample_image("china.jpg")  # (427, 640, 3) uint8


def pixels(image: Image.Image) -> np.ndarray:
    assert image.mode == "RGB"
    return np.asarray(image).astype(int)


def encoded(image: Image.Image, file_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


# --- EXIF orientation -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["o.jpg", "o.png", "o.webp", "o.tif"])
def test_every_exif_orientation_is_made_upright(save: Callable[..., Path], name: str, orientation: int) -> None:
    upright = np.zeros((24, 40, 3), dtype=np.uint8)  # a red corner and a green one tell all eight cases apart
    upright[:8, :8, 0] = 255
    upright[:8, -8:, 1] = 255
    stored = Image.fromarray(upright)
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Transpose methods: what a camera held that way would store
    if orientation > 1:
        stored = stored.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 100, "subsampling": 0} if name == "o.jpg" else {"lossless": True} if name == "o.webp" else {}
    image = decode_image(save(name, stored, exif=exif, **options))
    assert image.info == {"source_size": (40, 24)}
    assert np.abs(pixels(image) - upright).mean() < 3
    assert len(image.getexif()) == 0, "nobody downstream may turn the image once more"


def test_broken_exif_does_not_cost_the_image(save: Callable[..., Path]) -> None:
    for exif in (b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x02"):
        path = save("exif.jpg", Image.fromarray(PHOTO), exif=exif)
        assert decode_image(path).size == (640, 427)


# --- what can't be read -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file_format", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("GIF", {}),
        ("BMP", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("WEBP", {}),
    ],
)
@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_truncated_files_are_refused(
    save: Callable[..., Path], file_format: str, options: dict[str, object], share: float
) -> None:
    data = encoded(Image.fromarray(PHOTO), file_format, **options)
    path = save("cut.x", data[: int(len(data) * share)])
    for at_least in (None, 64):
        with pytest.raises(UnreadableImageError) as caught:
            decode_image(path, at_least=at_least)
        assert caught.value.reason


def test_png_with_a_bad_checksum_is_refused(save: Callable[..., Path]) -> None:
    data = bytearray(encoded(Image.fromarray(PHOTO), "PNG"))
    start = data.index(b"IDAT")
    (length,) = struct.unpack(">I", data[start - 4 : start])
    data[start + 4 + length] ^= 0xFF  # the pixels are intact, their checksum is not
    with pytest.raises(UnreadableImageError, match="damaged"):
        decode_image(save("crc.png", bytes(data)))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"<html><body>404 Not Found</body></html>", "not a JPEG"),
        (b"\xff\xd8\xff", "damaged"),
        (b"\x89PNG\r\n\x1a\n", "damaged"),
        (bytes(range(256)) * 40, "not a JPEG"),
    ],
)
def test_mislabelled_and_empty_files(save: Callable[..., Path], content: bytes, reason: str) -> None:
    with pytest.raises(UnreadableImageError, match=reason):
        decode_image(save("photo.jpg", content))


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImageError, match="No such file"):
        decode_image(tmp_path / "absent.jpg")
    with pytest.raises(UnreadableImageError, match="not a regular file"):
        decode_image(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.jpg")
        with pytest.raises(UnreadableImageError, match="not a regular file"):
            decode_image(tmp_path / "pipe.jpg")


@pytest.mark.filterwarnings("ignore::UserWarning")  # TIFF warns about the tags it passes over
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP"])
def test_random_damage_gives_an_image_or_a_reason(save: Callable[..., Path], file_format: str) -> None:
    small = Image.fromarray(PHOTO).resize((64, 43))
    data = encoded(small, file_format)
    generator = random.Random(0)
    for _ in range(150):
        damaged = bytearray(data)
        for _ in range(generator.choice((1, 4, 30))):
            where = generator.randrange(min(len(damaged), generator.choice((64, len(damaged)))))
            damaged[where] = generator.randrange(256)
        path = save("damaged.x", bytes(damaged))
        try:
            assert decode_image(path, at_least=16).mode == "RGB"
        except UnreadableImageError as error:
            assert error.reason


# --- size -------------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("error")
def test_an_image_over_the_pixel_limit_is_refused_from_its_header(
    save: Callable[..., Path], png: Callable[..., bytes]
) -> None:
    bomb = png(60_000, 50_000, 8, 2, zlib.compress(b"\0" * 1000))
    with pytest.raises(
        UnreadableImageError, match=r"60000 × 50000 = 3,000,000,000 pixels.*500,000,000; use a smaller copy"
    ):
        decode_image(save("bomb.png", bomb))


# --- a JPEG without its end -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0, "optimize": True}])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_jpeg_may_lack_the_mark_of_its_end_but_no_pixel(
    save: Callable[..., Path], mode: str, options: dict[str, object]
) -> None:
    data = encoded(Image.fromarray(PHOTO).convert(mode), "JPEG", **options)
    for at_least in (None, 56):
        whole = pixels(decode_image(save("whole.jpg", data), at_least=at_least))
        for missing in (1, 2):
            cut = save("cut.jpg", data[:-missing])
            assert np.array_equal(pixels(decode_image(cut, at_least=at_least)), whole)
        for missing in (6, 20, 300):
            with pytest.raises(UnreadableImageError, match="truncated"):
                decode_image(save("cut.jpg", data[:-missing]), at_least=at_least)


def test_a_progressive_jpeg_without_its_last_scans_is_refused(save: Callable[..., Path]) -> None:
    data = encoded(Image.fromarray(PHOTO), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    with pytest.raises(UnreadableImageError, match="truncated"):
        decode_image(save("cut.jpg", data[: data.rindex(b"\xff\xc4", 0, last)]))


# --- reduced JPEG decoding --------------------------------------------------------------------------------------------


def big_jpeg(width: int, height: int) -> bytes:
    return encoded(Image.fromarray(PHOTO).resize((width, height), Image.Resampling.LANCZOS), "JPEG", quality=92)


@pytest.mark.parametrize("size", [(1920, 1280), (1917, 1279), (1283, 1921)])
@pytest.mark.parametrize("side", [56, 112, 224])
def test_a_reduced_jpeg_is_practically_the_same_after_the_final_resize(
    save: Callable[..., Path], size: tuple[int, int], side: int
) -> None:
    path = save("big.jpg", big_jpeg(*size))
    reduced = decode_image(path, at_least=side)
    assert 2 * side <= min(reduced.size) < min(size)
    full = decode_image(path)
    assert full.size == size == reduced.info["source_size"]
    difference = np.abs(
        pixels(full.resize((side, side), Image.Resampling.BICUBIC))
        - pixels(reduced.resize((side, side), Image.Resampling.BICUBIC))
    )
    # Of 255 levels; the same photograph compressed once more at quality 90 differs by about as much.
    assert difference.mean() < 1
    assert np.percentile(difference, 99) <= 6


def test_a_jpeg_is_not_reduced_where_that_would_lose_something(save: Callable[..., Path]) -> None:
    path = save("photo.jpg", big_jpeg(640, 426))
    assert np.array_equal(pixels(decode_image(path, at_least=214)), pixels(decode_image(path)))
    assert decode_image(path, at_least=106).size == (320, 213)


def test_reduction_and_orientation_go_together(save: Callable[..., Path]) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = decode_image(save("turned.jpg", Image.fromarray(PHOTO), exif=exif), at_least=50)
    assert image.info["source_size"] == (427, 640)
    assert image.size == (107, 160)
    expected = Image.fromarray(PHOTO).transpose(Image.Transpose.ROTATE_270).resize((107, 160), Image.Resampling.BOX)
    assert np.abs(pixels(image) - pixels(expected)).mean() < 4


def test_threads_agree_with_one_thread(save: Callable[..., Path]) -> None:
    paths = [save(f"p.{suffix}", Image.fromarray(PHOTO)) for suffix in ("jpg", "png", "webp", "tif", "gif", "bmp")] * 4
    alone = [pixels(decode_image(path, at_least=50)) for path in paths]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda path: pixels(decode_image(path, at_least=50)), paths))
    assert all(np.array_equal(one, other) for one, other in zip(alone, together, strict=True))
