"""What is known of an image from its header alone: its size as people see it, and its EXIF tags."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from runner.images.decode import UnreadableImageError, decode_image
from runner.images.open_image import exif_tags, image_size

PHOTO = np.random.default_rng(0).integers(0, 256, (24, 40, 3)).astype(np.uint8)


def taken(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif.get_ifd(0x8769)[0x9003] = "2024:05:01 10:00:00"
    return exif


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif", "a.avif"])
def test_size_and_exif_without_decoding(
    save: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, name: str, orientation: int
) -> None:
    path = save(name, Image.fromarray(PHOTO), exif=taken(orientation))
    decoded = decode_image(path)

    def no_pixels(image: ImageFile.ImageFile) -> None:
        raise AssertionError("pixels are decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", no_pixels)
    assert image_size(path) == decoded.size == ((24, 40) if orientation >= 5 else (40, 24))
    if name in ("a.jpg", "a.png", "a.webp"):  # Pillow writes the date into no others
        assert exif_tags(path)[0x9003] == "2024:05:01 10:00:00"


def test_what_is_damaged_after_its_header_has_a_size(save: Callable[..., Path]) -> None:
    data = save("whole.png", Image.fromarray(PHOTO)).read_bytes()
    assert image_size(save("cut.png", data[:200])) == (40, 24)
    with pytest.raises(UnreadableImageError):
        decode_image(save("cut.png", data[:200]))


def test_a_panorama_over_every_limit_has_a_size_and_a_date(save: Callable[..., Path]) -> None:
    data = bytearray(save("small.jpg", Image.fromarray(PHOTO), exif=taken(1)).read_bytes())
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", 60_000, 65_000)
    path = save("panorama.jpg", bytes(data))
    assert image_size(path) == (65_000, 60_000)
    assert exif_tags(path)[0x9003] == "2024:05:01 10:00:00"
    with pytest.raises(UnreadableImageError, match="65000 × 60000 = 3,900,000,000 pixels is over the limit"):
        decode_image(path)
