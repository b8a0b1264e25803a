"""A small labelled folder of real images, made from what installed packages carry; no network needed.

Photographs come from scikit-image (``skimage/data``), scikit-learn (``sklearn/datasets/images``: the pagoda by
danielbuechele and the dahlia by vultilion, both on Flickr under CC BY 2.0) and matplotlib (its ``sample_data``: the
official portrait of Grace Hopper). The handwritten digits are scikit-learn's copy of the test part of the UCI data set
"Optical Recognition of Handwritten Digits" (E. Alpaydin, C. Kaynak, 1998).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

from runner.errors import RunnerError
from runner.images.decode import decode_image
from runner.images.folder import scan_folder
from runner.images.image_set import ImageSet
from runner.utils.atomic import replaced_atomically

COLUMNS, ROWS = 4, 3
"""Tiles cut from each photograph."""

TILE_SHARE = 0.55
"""Side of a tile as a share of the photograph's shorter side; neighbours overlap, as the pictures of one scene do."""

DIGITS_EACH = 8
"""Pictures of each handwritten digit."""

_DIGIT_SIDE = 112
_LARGEST_TILE = 288
_JPEG_QUALITY = 92

_PHOTOGRAPHS = {
    "skimage/data": {
        "astronaut.png": "people/astronaut",
        "camera.png": "people/cameraman",
        "brick.png": "textures/brick",
        "grass.png": "textures/grass",
        "gravel.png": "textures/gravel",
        "chelsea.png": "nature/cat",
        "coffee.png": "things/coffee",
        "coins.png": "things/coins",
        "motorcycle_left.png": "things/motorcycle",
        "rocket.jpg": "things/rocket",
        "page.png": "things/printed_page",
        "hubble_deep_field.jpg": "science/galaxies",
        "moon.png": "science/moon",
        "retina.jpg": "science/retina",
        "ihc.png": "science/tissue",
    },
    "sklearn/datasets/images": {"china.jpg": "places/pagoda", "flower.jpg": "nature/dahlia"},
    "matplotlib/mpl-data/sample_data": {"grace_hopper.jpg": "people/admiral"},
}
"""Label of each photograph, by the folder of the package that carries it."""


def write_demo_images(folder: Path) -> ImageSet:
    """Fill ``folder`` with some 300 labelled images and return what is then in it.

    Each photograph is cut into overlapping tiles under a folder of its own (``nature/cat/…``), and digits are
    enlarged under ``digits/7/…``. The same packages give the same files; a file that is already there stays as it is.

    Raises:
        RunnerError: the folder can't be written, or the packages carry none of the photographs.
    """
    folder = folder.expanduser()
    photographs = list(_installed_photographs())
    if not photographs:
        raise RunnerError("scikit-image carries no photographs here; reinstall it with `pip install -U scikit-image`")
    try:
        for photograph in photographs:
            _write_tiles(folder, photograph)
        _write_digits(folder / "digits")
    except OSError as error:
        raise RunnerError(f"can't write the demo images to {folder} ({error.strerror or error})") from error
    return scan_folder(folder, labels=True).images


@dataclass(frozen=True)
class _Photograph:
    file: Path
    label: str


def _installed_photographs() -> Iterator[_Photograph]:
    """The photographs that are there; a release of a package may drop one."""
    for location, labels in _PHOTOGRAPHS.items():
        package, _, inside = location.partition("/")
        spec = find_spec(package)  # locates the package without importing it
        for base in (spec and spec.submodule_search_locations) or ():
            for name, label in labels.items():
                file = Path(base) / inside / name
                if file.is_file():
                    yield _Photograph(file, label)


def _write_tiles(folder: Path, photograph: _Photograph) -> None:
    image = decode_image(photograph.file)
    side = round(TILE_SHARE * min(image.size))
    lefts = np.linspace(0, image.width - side, COLUMNS).round().astype(int).tolist()
    tops = np.linspace(0, image.height - side, ROWS).round().astype(int).tolist()
    for number, (top, left) in enumerate((top, left) for top in tops for left in lefts):
        tile = image.crop((left, top, left + side, top + side))
        tile.thumbnail((_LARGEST_TILE, _LARGEST_TILE), Image.Resampling.LANCZOS)
        _write_once(tile, folder / photograph.label / f"{photograph.file.stem}_{number:02d}.jpg")


def _write_digits(folder: Path) -> None:
    from sklearn.datasets import load_digits

    digits = load_digits()
    for digit in range(10):
        for number, row in enumerate(np.flatnonzero(digits.target == digit)[:DIGITS_EACH].tolist()):
            ink = 255 - digits.images[row] * (255 / 16)
            small = Image.fromarray(ink.round().astype(np.uint8))
            large = small.resize((_DIGIT_SIDE, _DIGIT_SIDE), Image.Resampling.BICUBIC)
            _write_once(large, folder / str(digit) / f"digit_{number:02d}.png")


def _write_once(image: Image.Image, file: Path) -> None:
    """Save under a temporary name first, so that what was interrupted is not taken for a finished image."""
    if file.exists():
        return
    with replaced_atomically(file) as unfinished:
        image.save(unfinished, quality=_JPEG_QUALITY)
