"""HEIF and AVIF: upright once, transparency, the first picture, deep colours, and files that are cut."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image
from sklearn.datasets import load_sample_image

from runner.images.decode import UnreadableImageError, decode_image
from runner.images.open_image import image_size

PHOTO = Image.fromarray(load_sample_image("china.jpg")).resize((160, 108))


@pytest.fixture(params=["heic", "avif"])
def write(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Path]:
    """``write(image, **options)`` saves an image in either format, as near to lossless as it goes."""

    def saved(image: Image.Image, **options: object) -> Path:
        path = tmp_path / f"a.{request.param}"
        if request.param == "heic":
            pillow_heif.from_pillow(image).save(path, quality=95, chroma=444, **options)
        else:
            image.save(path, quality=95, subsampling="4:4:4", speed=10, **options)
        return path

    return saved


def off_by(path: Path, expected: Image.Image) -> float:
    return float(np.abs(np.asarray(decode_image(path)).astype(int) - np.asarray(expected)).mean())


def test_a_photograph(write: Callable[..., Path]) -> None:
    path = write(PHOTO)
    assert image_size(path) == (160, 108)
    assert off_by(path, PHOTO) < 3


@pytest.mark.parametrize("orientation", [2, 3, 6, 8])
def test_it_is_turned_upright_once(write: Callable[..., Path], orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = {2: 0, 3: 3, 6: 4, 8: 2}[orientation]
    expected = PHOTO.transpose(Image.Transpose(turned))
    path = write(PHOTO, exif=exif.tobytes())
    assert image_size(path) == expected.size
    assert off_by(path, expected) < 3


def test_transparency_is_composed_onto_white(write: Callable[..., Path]) -> None:
    cut_out = PHOTO.convert("RGBA")
    cut_out.paste((0, 0, 0, 0), (0, 0, 80, 108))
    shown = np.asarray(decode_image(write(cut_out)))
    assert shown[:, :70].min() > 250
    assert np.abs(shown[:, 90:].astype(int) - np.asarray(PHOTO)[:, 90:]).mean() < 3


def test_deep_colours(tmp_path: Path) -> None:
    deep = np.asarray(PHOTO).astype(np.uint16) * 257
    file = pillow_heif.from_bytes("RGB;16", PHOTO.size, deep.tobytes())
    file.save(tmp_path / "deep.heic", quality=95, chroma=444)
    assert off_by(tmp_path / "deep.heic", PHOTO) < 3


def test_what_is_cut_is_refused(write: Callable[..., Path]) -> None:
    path = write(PHOTO)
    data = path.read_bytes()
    for share in (0.02, 0.3, 0.9):
        path.write_bytes(data[: int(len(data) * share)])
        with pytest.raises(UnreadableImageError):
            decode_image(path)
