"""Perceptual hashes: 64 bits of coarse brightness, by ImageHash."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from PIL import Image

from runner.images.similarity.base import CodeMeasure
from runner.images.similarity.candidates import tiles
from runner.images.similarity.codes import packed
from runner.images.similarity.featureless import is_flat

SIDE = 8
"""A hash has SIDE × SIDE bits."""

_PHASH_SIDE = 4 * SIDE
"""Side, in pixels, of the square whose frequencies ImageHash's ``phash`` looks at."""


class _Hash(CodeMeasure):
    side = 128
    parts = SIDE * SIDE
    of_bits = True
    function: ClassVar[str]
    """ImageHash's name of it."""

    def features(self, picture: np.ndarray) -> np.ndarray | None:
        """The bits in 64-bit words; None where they tell nothing but rounding apart."""
        import imagehash

        image = Image.fromarray(picture)
        if is_flat(self.levels(image)):
            return None
        hashed: Callable[..., Any] = getattr(imagehash, self.function)
        bits = hashed(image, hash_size=SIDE).hash
        return packed(np.asarray(bits, dtype=bool).reshape(1, -1))[0]

    @abstractmethod
    def levels(self, image: Image.Image) -> np.ndarray:
        """The brightnesses, in grey levels, that the bits tell apart."""


class Phash(_Hash):
    """Signs of the lowest frequencies of the cosine transform, about their median."""

    name = function = "phash"
    meaning = "share of equal bits of the perceptual hash"
    strangers = 0.75

    def levels(self, image: Image.Image) -> np.ndarray:
        """The picture of the lowest frequencies alone."""
        from scipy.fft import dctn, idctn

        frequencies = dctn(_reduced(image, _PHASH_SIDE, _PHASH_SIDE))
        frequencies[SIDE:], frequencies[:, SIDE:] = 0, 0
        return np.asarray(idctn(frequencies))


class Ahash(_Hash):
    """Brighter than the mean or not, on 8 × 8 pixels."""

    name, function = "ahash", "average_hash"
    meaning = "share of equal bits of the average hash"
    strangers = 0.9

    def levels(self, image: Image.Image) -> np.ndarray:
        """The 8 × 8 pixels."""
        return _reduced(image, SIDE, SIDE)


class Dhash(_Hash):
    """Brighter than the left neighbour or not, on 9 × 8 pixels."""

    name = function = "dhash"
    meaning = "share of equal bits of the difference hash"
    strangers = 0.8

    def levels(self, image: Image.Image) -> np.ndarray:
        """How much neighbours differ, and 0, by which equal ones do."""
        return np.append(np.abs(np.diff(_reduced(image, SIDE + 1, SIDE), axis=1)), 0)


class Whash(_Hash):
    """Above the median or not, in the coarsest Haar wavelets."""

    name = function = "whash"
    meaning = "share of equal bits of the wavelet hash"
    strangers = 0.9

    def levels(self, image: Image.Image) -> np.ndarray:
        """The means of 8 × 8 squares, which the coarsest wavelets are but for a factor."""
        return tiles(np.asarray(image), SIDE).mean(axis=1)


def _reduced(image: Image.Image, width: int, height: int) -> np.ndarray:
    """The grey picture as ImageHash reduces it: float64, shape (height, width)."""
    return np.asarray(image.convert("L").resize((width, height), Image.Resampling.LANCZOS), dtype=np.float64)
