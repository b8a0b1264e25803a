"""Thumbnails are decoded once, and do without files that have gone."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from runner.images.thumbnails import Thumbnails
from tests.report.experiments import image_names, write_images


def test_decoded_once_and_kept(tmp_path: Path) -> None:
    paths = write_images(tmp_path, image_names(5))
    thumbnails = Thumbnails(paths, side=80)
    done: list[int] = []
    thumbnails.load([0, 1, 1, 4], lambda: done.append(1))
    for path in paths:
        path.unlink()
    thumbnails.load([0, 1, 4], lambda: done.append(1))
    assert len(done) == 6
    assert thumbnails.unreadable == {}
    image = thumbnails.image(4)
    assert image is not None
    assert max(image.size) == 80
    assert thumbnails.image(2) is None
    assert list(thumbnails.unreadable) == [2]


@pytest.mark.parametrize("content", [b"", b"not an image", b"\x89PNG\r\n\x1a\n truncated"])
def test_unreadable_files_are_reported(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(content)
    thumbnails = Thumbnails((tmp_path / "bad.png", tmp_path / "gone.png", tmp_path))
    thumbnails.load(range(3))
    assert set(thumbnails.unreadable) == {0, 1, 2}
    assert thumbnails.data_uri(0, 32) is None


@pytest.mark.parametrize("size", [(1, 1), (3000, 2), (2, 3000), (8, 8), (640, 480)])
def test_extreme_shapes_fit(size: tuple[int, int], tmp_path: Path) -> None:
    Image.new("RGB", size, "red").save(tmp_path / "image.png")
    thumbnails = Thumbnails((tmp_path / "image.png",), side=64)
    image = thumbnails.image(0)
    assert image is not None
    assert max(image.size) == 64
    assert min(image.size) >= 1
    uri = thumbnails.data_uri(0, 16)
    assert uri is not None
    assert uri.startswith("data:image/jpeg;base64,")


def test_pixels_of_tiny_images_stay_visible(tmp_path: Path) -> None:
    image = Image.new("L", (2, 1), 0)
    image.putpixel((1, 0), 255)
    image.save(tmp_path / "digit.png")
    thumbnail = Thumbnails((tmp_path / "digit.png",), side=64).image(0)
    assert thumbnail is not None
    assert max(thumbnail.getpixel((20, 16))) < 40
    assert min(thumbnail.getpixel((44, 16))) > 215
