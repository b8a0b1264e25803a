"""Images with planted duplicates whose origin is known."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageEnhance

from runner.images.decode import decode_image


def _reencoded(image: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=40)
    return Image.open(buffer).convert("RGB")


def _resized(image: Image.Image) -> Image.Image:
    size = max(8, image.width * 6 // 10), max(8, image.height * 6 // 10)
    return image.resize(size, Image.Resampling.LANCZOS)


def _cropped(share: float) -> Callable[[Image.Image], Image.Image]:
    """The middle ``share`` of both sides."""

    def crop(image: Image.Image) -> Image.Image:
        x, y = round(image.width * (1 - share) / 2), round(image.height * (1 - share) / 2)
        return image.crop((x, y, image.width - x, image.height - y))

    return crop


def _rotated(degrees: float) -> Callable[[Image.Image], Image.Image]:
    return lambda image: image.rotate(degrees, Image.Resampling.BICUBIC, fillcolor="white")


def _brightened(image: Image.Image) -> Image.Image:
    return ImageEnhance.Brightness(image).enhance(1.15)


CHANGES: dict[str, Callable[[Image.Image], Image.Image] | None] = {
    "copy": None,
    "reencoded": _reencoded,
    "resized": _resized,
    "brightened": _brightened,
    "cropped_95": _cropped(0.95),
    "cropped_85": _cropped(0.85),
    "rotated_3": _rotated(3),
    "rotated_8": _rotated(8),
}
"""What is planted, by name; ``copy`` has the same bytes under another name."""


@dataclass(frozen=True)
class PlantedImages:
    """A folder of originals, some of them with duplicates.

    Attributes:
        folder: it holds ``originals/`` and ``planted/<change>/``.
        pairs: (original, duplicate, change) by path relative to the folder.
    """

    folder: Path
    pairs: tuple[tuple[str, str, str], ...]


def plant(
    folder: Path, files: Sequence[Path], duplicated: int, changes: Sequence[str] = tuple(CHANGES), seed: int = 0
) -> PlantedImages:
    """Write ``files`` as originals, and for ``duplicated`` of them one duplicate of every change."""
    chosen = set(random.Random(seed).sample(range(len(files)), duplicated))
    pairs = []
    for number, file in enumerate(files):
        original = f"originals/{number:04d}.png"
        image = decode_image(file)
        _save(image, folder / original)
        for change in changes if number in chosen else ():
            duplicate = f"planted/{change}/{number:04d}.png"
            edit = CHANGES[change]
            if edit is None:
                (folder / duplicate).parent.mkdir(parents=True, exist_ok=True)
                (folder / duplicate).write_bytes((folder / original).read_bytes())
            else:
                _save(edit(image), folder / duplicate)
            pairs.append((original, duplicate, change))
    return PlantedImages(folder, tuple(pairs))


def _save(image: Image.Image, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, compress_level=1)
