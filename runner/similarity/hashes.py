"""Perceptual hashes: 64 bits of coarse brightness, by ImageHash."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from PIL import Image

from runner.similarity.codes import packed
from runner.similarity.measure import CodeMeasure

SIDE = 8
"""A hash has SIDE × SIDE bits."""


class _Hash(CodeMeasure):
    side = 128
    parts = SIDE * SIDE
    of_bits = True
    function: ClassVar[str]
    """ImageHash's name of it."""

    def features(self, picture: np.ndarray) -> np.ndarray:
        """The bits in 64-bit words."""
        import imagehash

        hashed: Callable[..., Any] = getattr(imagehash, self.function)
        bits = hashed(Image.fromarray(picture), hash_size=SIDE).hash
        return packed(np.asarray(bits, dtype=bool).reshape(1, -1))[0]


class Phash(_Hash):
    """Signs of the lowest frequencies of the cosine transform, about their median."""

    name = function = "phash"
    meaning = "share of equal bits of the perceptual hash"
    strangers = 0.75


class Ahash(_Hash):
    """Brighter than the mean or not, on 8 × 8 pixels."""

    name, function = "ahash", "average_hash"
    meaning = "share of equal bits of the average hash"
    strangers = 0.9


class Dhash(_Hash):
    """Brighter than the left neighbour or not, on 9 × 8 pixels."""

    name = function = "dhash"
    meaning = "share of equal bits of the difference hash"
    strangers = 0.8


class Whash(_Hash):
    """Above the median or not, in the coarsest Haar wavelets."""

    name = function = "whash"
    meaning = "share of equal bits of the wavelet hash"
    strangers = 0.9
