"""Decoding against Pillow's own full decode, and against files that are broken on purpose."""

from __future__ import annotations

import io
import os
import random
import struct
import threading
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile
from runner.images import decode
from runner.images.decode import UnreadableImageError, decode_image

PHOTO = pytest.importorskip("sklearn.datasets").load_sample_image("china.jpg")  # (427, 640, 3) uint8


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """Write an image, or raw bytes, to a file of the given name."""

    def write(name: str, content: Image.Image | bytes, **options: object) -> Path:
        path = tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            content.save(path, **options)
        return path

    return write


def encoded(image: Image.Image, file_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, depth: int, color_type: int, compressed: bytes, *chunks: bytes) -> bytes:
    """A PNG made by hand; color types: 0 gray, 2 RGB, 3 palette, 4 gray + alpha, 6 RGBA."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + png_chunk(b"IDAT", compressed) + png_chunk(b"IEND", b"")


def pixels(image: Image.Image) -> np.ndarray:
    assert image.mode == "RGB"
    return np.asarray(image).astype(int)


# --- modes and formats ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file_format", ["PNG", "BMP", "TIFF", "WEBP"])
def test_lossless_formats_give_the_exact_pixels(save: Callable[..., Path], file_format: str) -> None:
    path = save(
        "photo.x", encoded(Image.fromarray(PHOTO), file_format, **({"lossless": True} if file_format == "WEBP" else {}))
    )
    assert np.array_equal(pixels(decode_image(path)), PHOTO)


def test_content_decides_not_the_name(save: Callable[..., Path]) -> None:
    path = save("really_a_png.jpg", encoded(Image.fromarray(PHOTO), "PNG"))
    assert np.array_equal(pixels(decode_image(path)), PHOTO)


@pytest.mark.parametrize(
    ("mode", "color", "expected"),
    [
        ("RGBA", (10, 20, 30, 0), (255, 255, 255)),
        ("RGBA", (200, 100, 0, 128), (227, 177, 127)),
        ("LA", (0, 0), (255, 255, 255)),
        ("LA", (100, 255), (100, 100, 100)),
        ("L", 77, (77, 77, 77)),
        ("1", 1, (255, 255, 255)),
    ],
)
def test_transparency_is_composed_onto_white(
    save: Callable[..., Path], mode: str, color: tuple[int, ...] | int, expected: tuple[int, int, int]
) -> None:
    path = save("flat.png", Image.new(mode, (5, 4), color))
    assert np.abs(pixels(decode_image(path)) - expected).max() <= 1


def test_palette_with_transparency_per_entry(save: Callable[..., Path]) -> None:
    raw = zlib.compress(b"\0" + bytes([0, 1, 2]))
    chunks = png_chunk(b"PLTE", bytes([255, 0, 0, 0, 0, 0, 10, 20, 30])), png_chunk(b"tRNS", bytes([0, 128]))
    image = decode_image(save("palette.png", png(3, 1, 8, 3, raw, *chunks)))
    assert np.abs(pixels(image)[0] - [[255, 255, 255], [127, 127, 127], [10, 20, 30]]).max() <= 1


@pytest.mark.parametrize(
    ("depth", "color_type", "raw", "transparent"),
    [
        (8, 0, bytes([7, 9]), (7,)),
        (8, 2, bytes([1, 2, 3, 4, 5, 6]), (1, 2, 3)),
        (16, 0, struct.pack(">2H", 700, 900), (700,)),
        (16, 2, struct.pack(">6H", 65535, 0, 0, 0, 0, 0), (65535, 0, 0)),
    ],
)
def test_a_png_may_name_one_transparent_color(
    save: Callable[..., Path], depth: int, color_type: int, raw: bytes, transparent: tuple[int, ...]
) -> None:
    chunk = png_chunk(b"tRNS", struct.pack(f">{len(transparent)}H", *transparent))
    first, second = pixels(
        decode_image(save("key.png", png(2, 1, depth, color_type, zlib.compress(b"\0" + raw), chunk)))
    )[0]
    assert first.tolist() == [255, 255, 255]
    assert second.max() < 255


def test_transparent_gif_and_webp(save: Callable[..., Path]) -> None:
    image = Image.new("RGBA", (8, 8), (0, 0, 200, 255))
    image.paste((0, 0, 0, 0), (0, 0, 4, 8))
    for name in ("a.gif", "a.webp"):
        path = save(name, image, **({"lossless": True} if name == "a.webp" else {}))
        assert pixels(decode_image(path))[2, 1].tolist() == [255, 255, 255]
        assert pixels(decode_image(path))[2, 6].tolist() == [0, 0, 200]


def test_cmyk_jpeg(save: Callable[..., Path]) -> None:
    path = save("print.jpg", Image.fromarray(PHOTO).convert("CMYK"), quality=95)
    assert np.abs(pixels(decode_image(path)) - PHOTO).mean() < 4


@pytest.mark.parametrize("name", ["deep.png", "deep.tif"])
def test_16_bit_gray_is_scaled_not_clipped(save: Callable[..., Path], name: str) -> None:
    gray = PHOTO[..., 0]
    path = save(name, Image.fromarray(gray.astype(np.uint16) * 257))
    assert np.array_equal(pixels(decode_image(path))[..., 1], gray)


def test_12_bit_values_in_16_bits_use_the_whole_range(save: Callable[..., Path]) -> None:
    ramp = np.linspace(0, 4095, 256).astype(np.uint16).reshape(16, 16)
    shown = pixels(decode_image(save("microscope.tif", Image.fromarray(ramp))))[..., 0]
    assert np.abs(shown.ravel() - np.arange(256)).max() <= 1


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([0.0, 100.0, 200.0], [0, 100, 200]),
        ([-10.0, 0.0, 10.0], [0, 128, 255]),
        ([np.nan, 0.5, np.inf], [0, 128, 255]),
        ([np.nan, np.nan, np.nan], [0, 0, 0]),
        ([-7.0, -7.0, -7.0], [0, 0, 0]),
    ],
)
def test_floats(save: Callable[..., Path], values: list[float], expected: list[int]) -> None:
    image = decode_image(save("float.tif", Image.fromarray(np.array([values], dtype=np.float32))))
    assert np.array_equal(
        pixels(image)[0, :, 0], [0 if np.isnan(v) else e for v, e in zip(values, expected, strict=True)]
    )


def test_32_bit_integers(save: Callable[..., Path]) -> None:
    image = decode_image(save("wide.tif", Image.fromarray(np.array([[-5, 0, 70_000]], dtype=np.int32))))
    assert pixels(image)[0, :, 0].tolist() == [0, 0, 255]


@pytest.mark.parametrize("name", ["moving.gif", "moving.webp", "moving.png", "pages.tif"])
def test_first_frame_of_several(save: Callable[..., Path], name: str) -> None:
    frames = [Image.new("RGB", (20, 10), color) for color in ("red", "lime", "blue")]
    path = save(name, frames[0], save_all=True, append_images=frames[1:])
    assert np.abs(pixels(decode_image(path)) - [255, 0, 0]).max() <= 3


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


def gray_png_of_halves(side: int) -> bytes:
    """An 8-bit PNG whose left half is black and whose right half is white, compressed row by row."""
    row = b"\0" + bytes(side // 2) + b"\xff" * (side - side // 2)
    compressor = zlib.compressobj(1)
    body = b"".join(compressor.compress(row) for _ in range(side)) + compressor.flush()
    return png(side, side, 8, 0, body)


@pytest.mark.filterwarnings("error")
def test_170_megapixels_are_decoded_without_a_warning(save: Callable[..., Path]) -> None:
    image = decode_image(save("scan.png", gray_png_of_halves(13_000)), at_least=224)
    assert image.info["source_size"] == (13_000, 13_000)
    assert 2 * 224 <= image.width == image.height <= 4 * 224, "it is handed on reduced"
    shown = pixels(image)
    assert shown[:, : image.width // 2 - 1].max() <= 1
    assert shown[:, image.width // 2 + 1 :].min() >= 254


@pytest.mark.filterwarnings("error")
def test_an_image_over_the_pixel_limit_is_refused_from_its_header(save: Callable[..., Path]) -> None:
    bomb = png(60_000, 50_000, 8, 2, zlib.compress(b"\0" * 1000))
    with pytest.raises(UnreadableImageError, match=r"60000 × 50000 = 3,000,000,000 pixels.*500,000,000; scale it down"):
        decode_image(save("bomb.png", bomb))


def test_large_images_are_decoded_one_at_a_time(save: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "LARGE_PIXELS", 1000)
    at_once, most, lock = 0, 0, threading.Lock()
    load = ImageFile.ImageFile.load

    def counted_load(image: ImageFile.ImageFile) -> object:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        try:
            return load(image)
        finally:
            with lock:
                at_once -= 1

    monkeypatch.setattr(ImageFile.ImageFile, "load", counted_load)
    path = save("photo.bmp", Image.fromarray(PHOTO))
    with ThreadPoolExecutor(4) as pool:
        images = list(pool.map(lambda _: decode_image(path), range(12)))
    assert most == 1
    assert all(np.array_equal(pixels(image), PHOTO) for image in images)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "1", "I;16", "CMYK", "LA"])
def test_reducing_a_large_image_by_strips_is_a_box_filter(
    save: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setattr(decode, "LARGE_PIXELS", 1000)
    monkeypatch.setattr("runner.images.flatten._STRIP_PIXELS", 640 * 50)
    photo = Image.fromarray(PHOTO).crop((0, 0, 640, 420))
    photo = (
        Image.fromarray(np.asarray(photo.convert("L")).astype(np.uint16) * 257)
        if mode == "I;16"
        else photo.convert(mode)
    )
    path = save("photo.tif" if mode == "CMYK" else "photo.png", photo)
    whole = decode_image(path)
    reduced = decode_image(path, at_least=42)  # 420 rows hold 5 × (2 × 42)
    assert reduced.size == (128, 84)
    assert np.abs(pixels(reduced) - pixels(whole.reduce(5))).max() <= 1


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
