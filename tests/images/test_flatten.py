"""Pixel modes and file formats, as RGB on white."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_image

from runner.images import pixels as reading
from runner.images import strips
from runner.images.decode import decode_image

PHOTO = load_sample_image("china.jpg")  # (427, 640, 3) uint8


def pixels(image: Image.Image) -> np.ndarray:
    assert image.mode == "RGB"
    return np.asarray(image).astype(int)


@pytest.mark.parametrize("file_format", ["PNG", "BMP", "TIFF", "WEBP"])
def test_lossless_formats_give_the_exact_pixels(save: Callable[..., Path], file_format: str) -> None:
    path = save("photo.x", Image.fromarray(PHOTO), format=file_format, lossless=True)
    assert np.array_equal(pixels(decode_image(path)), PHOTO)


def test_content_decides_not_the_name(save: Callable[..., Path]) -> None:
    path = save("really_a_png.jpg", Image.fromarray(PHOTO), format="PNG")
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


def test_palette_with_transparency_per_entry(save: Callable[..., Path], png: Callable[..., bytes]) -> None:
    raw = zlib.compress(b"\0" + bytes([0, 1, 2]))
    content = png(3, 1, 8, 3, raw, PLTE=bytes([255, 0, 0, 0, 0, 0, 10, 20, 30]), tRNS=bytes([0, 128]))
    image = decode_image(save("palette.png", content))
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
    save: Callable[..., Path],
    png: Callable[..., bytes],
    depth: int,
    color_type: int,
    raw: bytes,
    transparent: tuple[int, ...],
) -> None:
    named = struct.pack(f">{len(transparent)}H", *transparent)
    content = png(2, 1, depth, color_type, zlib.compress(b"\0" + raw), tRNS=named)
    first, second = pixels(decode_image(save("key.png", content)))[0]
    assert first.tolist() == [255, 255, 255]
    assert second.max() < 255


def test_transparent_gif_and_webp(save: Callable[..., Path]) -> None:
    image = Image.new("RGBA", (8, 8), (0, 0, 200, 255))
    image.paste((0, 0, 0, 0), (0, 0, 4, 8))
    for name in ("a.gif", "a.webp"):
        path = save(name, image, lossless=True)
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


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "1", "I;16", "CMYK", "LA"])
def test_reducing_a_large_image_by_strips_is_a_box_filter(
    save: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setattr(reading, "LARGE_PIXELS", 1000)
    monkeypatch.setattr(strips, "STRIP_PIXELS", 640 * 50)
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
