"""What every measure of similarity provides."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from PIL import Image

from runner.images.similarity.featureless import is_flat, pixel_digest


@dataclass(frozen=True)
class Description:
    """What a measure keeps of an image.

    Attributes:
        picture: digest of the grey square that it looks at; of all pixels where the measure finds nothing in it.
        features: what it makes of it; None where that is nothing.
    """

    picture: bytes
    features: Any | None


class Measure(ABC):
    """A similarity of images: from 0 to 1, 1 for identical ones, the same in either order.

    Where there is nothing to compare, as in pictures of one colour, it is 0 to all but the same pixels. An image is
    looked at as a grey square, stretched where it is not one, so that images of different sizes compare.
    """

    name: ClassVar[str]
    meaning: ClassVar[str]
    """What the number is, for people."""
    side: ClassVar[int]
    """Of the square, in pixels."""
    strangers: ClassVar[float]
    """What one in a thousand pairs of unlike pictures reaches: 800 stamps, no two the same."""

    def describe(self, image: Image.Image) -> Description:
        """What is compared of an upright image, in any mode."""
        square = image.convert("L").resize((self.side, self.side), Image.Resampling.BICUBIC)
        picture = np.asarray(square)
        features = None if is_flat(picture) else self.features(picture)
        if features is None:
            return Description(pixel_digest(image), None)
        return Description(hashlib.blake2b(picture.tobytes(), digest_size=16).digest(), features)

    def compare(self, first: Description, second: Description) -> float:
        """The similarity of two described images."""
        if first.picture == second.picture:
            return 1.0
        if first.features is None or second.features is None:
            return 0.0
        return float(min(1.0, max(0.0, self.likeness(first.features, second.features))))

    def similarity(self, first: Image.Image, second: Image.Image) -> float:
        """The similarity of two images."""
        return self.compare(self.describe(first), self.describe(second))

    @abstractmethod
    def features(self, picture: np.ndarray) -> Any | None:
        """What is made of a grey square, uint8, shape (side, side); None where the measure finds nothing in it."""

    @abstractmethod
    def likeness(self, first: Any, second: Any) -> float:
        """A number that ``compare`` holds between 0 and 1; symmetric."""

    def likely(self, features: Sequence[Any], k: int) -> np.ndarray | None:
        """The ``k`` < n other images of each that are likeliest to be alike, found without comparing all pairs.

        Returns:
            int64, shape (n, k), of images given by their features; None where these give no such hint.
        """
        return None


class CodeMeasure(Measure):
    """A measure whose features are a code of fixed length, of which the share of equal parts is the similarity.

    Codes are so cheap to compare that all pairs are.
    """

    parts: ClassVar[int]
    """Number of parts: bits, or else words."""
    of_bits: ClassVar[bool]

    @abstractmethod
    def features(self, picture: np.ndarray) -> np.ndarray | None:
        """The code: uint64, shape (parts,), or (ceil(parts / 64),) where the parts are bits."""

    def likeness(self, first: np.ndarray, second: np.ndarray) -> float:
        """Share of equal parts."""
        if self.of_bits:
            differing = int.from_bytes((first ^ second).tobytes()).bit_count()
        else:
            differing = int(np.count_nonzero(first != second))
        return 1 - differing / self.parts
