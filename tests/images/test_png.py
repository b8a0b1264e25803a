"""PNG by its specification: every colour type, depth and transparency; chunks that are none of the picture's."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import png as pypng
import pytest
from PIL import Image

from runner.images.decode import UnreadableImageError, decode_image
from runner.images.open_image import exif_tags, image_size

HEIGHT, WIDTH = 13, 21
GENERATOR = np.random.default_rng(0)


def on_white(colors: np.ndarray, opacity: np.ndarray) -> np.ndarray:
    """Levels 0 to 255 of colours and opacity between 0 and 1, by the specification's own formula."""
    return np.rint((colors * opacity[..., None] + 1 - opacity[..., None]) * 255)


def write(path: Path, samples: np.ndarray, **options: Any) -> Path:
    with path.open("wb") as file:
        pypng.Writer(width=WIDTH, height=HEIGHT, **options).write(file, samples.reshape(HEIGHT, -1).tolist())
    return path


def off_by(path: Path, expected: np.ndarray) -> float:
    return float(np.abs(np.asarray(decode_image(path)).astype(float) - expected).max())


@pytest.mark.parametrize("interlace", [False, True])
@pytest.mark.parametrize("transparent", [False, True])
@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_gray(tmp_path: Path, depth: int, transparent: bool, interlace: bool) -> None:
    top = 2**depth - 1
    gray = GENERATOR.integers(0, top + 1, (HEIGHT, WIDTH))
    gray[0, :3] = top, top // 2 + 1, top // 2  # neighbours of the transparent value, and the widest range
    key = int(gray[0, 1])
    path = write(
        tmp_path / "a.png", gray, greyscale=True, bitdepth=depth, interlace=interlace,
        transparent=key if transparent else None,
    )  # fmt: skip
    opacity = (gray != key).astype(float) if transparent else np.ones(gray.shape)
    assert off_by(path, on_white((gray / top)[..., None].repeat(3, -1), opacity)) <= 1


@pytest.mark.parametrize("interlace", [False, True])
@pytest.mark.parametrize("transparent", [False, True])
@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_palette(tmp_path: Path, depth: int, transparent: bool, interlace: bool) -> None:
    colors = GENERATOR.integers(0, 256, (min(2**depth, 200), 3))
    opacity = GENERATOR.choice([0, 100, 255], len(colors)) if transparent else np.full(len(colors), 255)
    index = GENERATOR.integers(0, len(colors), (HEIGHT, WIDTH))
    entries = [(*map(int, color), int(alpha)) for color, alpha in zip(colors, opacity, strict=True)]
    palette = entries if transparent else [entry[:3] for entry in entries]
    path = write(tmp_path / "a.png", index, palette=palette, bitdepth=depth, interlace=interlace)
    assert off_by(path, on_white(colors[index] / 255, opacity[index] / 255)) <= 1


@pytest.mark.parametrize("interlace", [False, True])
@pytest.mark.parametrize("kind", ["rgb", "rgb, one transparent", "gray and alpha", "rgb and alpha"])
@pytest.mark.parametrize("depth", [8, 16])
def test_several_channels(tmp_path: Path, depth: int, kind: str, interlace: bool) -> None:
    top = 2**depth - 1
    channels = {"gray and alpha": 2, "rgb and alpha": 4}.get(kind, 3)
    samples = GENERATOR.integers(0, top + 1, (HEIGHT, WIDTH, channels))
    key = samples[0, 0].copy()
    samples[0, 1], samples[0, 2], samples[0, 1, 2 % channels] = key, key, key[2 % channels] ^ 1
    alpha = kind.endswith("alpha")
    path = write(
        tmp_path / "a.png", samples, greyscale=channels == 2, alpha=alpha, bitdepth=depth, interlace=interlace,
        transparent=tuple(map(int, key)) if kind == "rgb, one transparent" else None,
    )  # fmt: skip
    opacity = samples[..., -1] / top if alpha else np.ones((HEIGHT, WIDTH))
    if kind == "rgb, one transparent":
        opacity = (samples != key).any(-1).astype(float)
    colors = samples[..., : channels - alpha] / top
    assert off_by(path, on_white(np.broadcast_to(colors, (HEIGHT, WIDTH, 3)), opacity)) <= 1


# --- chunks -----------------------------------------------------------------------------------------------------------


def chunk(kind: bytes, body: bytes, checksum: int | None = None) -> bytes:
    made = zlib.crc32(kind + body) if checksum is None else checksum
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", made)


@pytest.mark.parametrize(
    "extra",
    [
        chunk(b"iCCP", b"press\0\0" + zlib.compress(bytes(2_500_000))),
        chunk(b"iCCP", b"broken"),
        chunk(b"zTXt", b"workflow\0\0" + zlib.compress(b"{" * 3_000_000)),
        chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(b"{" * 3_000_000)),
        chunk(b"iTXt", b"workflow\0\1\0\0\0" + zlib.compress(b"{" * 3_000_000)),
        chunk(b"tEXt", b"Comment\0hello", checksum=0),
        chunk(b"eXIf", b"garbage"),
        chunk(b"PLTE", b"odd", checksum=0),
        chunk(b"acTL", b""),
        chunk(b"pHYs", b"\0"),
    ],
    ids=lambda extra: f"{extra[4:8].decode()}, {len(extra)} bytes",
)
def test_a_chunk_that_is_none_of_the_pictures_does_not_cost_it(
    save: Callable[..., Path], tmp_path: Path, extra: bytes
) -> None:
    picture = Image.fromarray(GENERATOR.integers(0, 256, (60, 80, 3)).astype(np.uint8))
    data = save("plain.png", picture).read_bytes()
    path = save("extra.png", data[:33] + extra + data[33:])
    assert np.array_equal(np.asarray(decode_image(path)), np.asarray(picture))
    assert image_size(path) == (80, 60)
    assert not exif_tags(path)


def test_the_mark_of_the_end_may_be_missing_but_no_pixel(save: Callable[..., Path]) -> None:
    picture = Image.fromarray(GENERATOR.integers(0, 256, (60, 80, 3)).astype(np.uint8))
    data = save("plain.png", picture).read_bytes()
    assert np.array_equal(np.asarray(decode_image(save("cut.png", data[:-12]))), np.asarray(picture))
    for missing in (13, 20, 2000):
        with pytest.raises(UnreadableImageError, match="IDAT chunk"):
            decode_image(save("cut.png", data[:-missing]))


def test_a_wrong_checksum_of_what_makes_the_picture_is_told(
    save: Callable[..., Path], png: Callable[..., bytes]
) -> None:
    data = bytearray(png(2, 1, 8, 3, zlib.compress(b"\0\0\1"), PLTE=bytes(6)))
    data[data.index(b"PLTE") + 4] ^= 1
    with pytest.raises(UnreadableImageError, match="checksum of a PLTE chunk"):
        decode_image(save("palette.png", bytes(data)))


@pytest.mark.parametrize("where", ["before the pixels", "after the pixels"])
def test_exif_in_a_chunk_turns_the_picture(save: Callable[..., Path], where: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = save("plain.png", Image.new("RGB", (4, 3))).read_bytes()
    block = chunk(b"eXIf", exif.tobytes()[6:])
    at = 33 if where == "before the pixels" else len(data) - 12
    path = save("turned.png", data[:at] + block + data[at:])
    assert decode_image(path).size == image_size(path) == (3, 4)


def test_exif_as_imagemagick_writes_it(save: Callable[..., Path]) -> None:
    exif = Image.Exif()
    exif[0x0112] = 8
    text = f"\nexif\n{len(exif.tobytes()):8}\n{exif.tobytes().hex()}\n".encode()
    data = save("plain.png", Image.new("RGB", (4, 3))).read_bytes()
    for block in (
        chunk(b"tEXt", b"Raw profile type exif\0" + text),
        chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text)),
    ):
        assert decode_image(save("turned.png", data[:33] + block + data[33:])).size == (3, 4)
