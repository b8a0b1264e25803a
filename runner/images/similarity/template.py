"""Template matching: the middle of one image is looked for in the other, and the other way round."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runner.images.similarity.base import Measure
from runner.images.similarity.candidates import nearest_sketches, tiles
from runner.images.similarity.featureless import is_flat

MIDDLE = 0.75
"""Share of each side that the template has; it finds shifts by up to half of the rest."""


class Template(Measure):
    """Mean of the two highest normalised correlation coefficients of opencv's ``matchTemplate``."""

    name = "template"
    meaning = "highest correlation of the middle of each image within the other"
    side = 64
    strangers = 0.73

    def features(self, picture: np.ndarray) -> np.ndarray:
        """The picture itself, float32."""
        return picture.astype(np.float32)

    def likely(self, features: Sequence[np.ndarray], k: int) -> np.ndarray:
        """Those that correlate where they are."""
        return nearest_sketches(np.stack([sketch(each) for each in features]), k)

    def likeness(self, first: np.ndarray, second: np.ndarray) -> float:
        """The mean of both directions."""
        return (_found(first, second) + _found(second, first)) / 2


def sketch(picture: np.ndarray) -> np.ndarray:
    """Means of squares of 4 × 4 pixels, normalised, so that the nearest correlate most: float32, shape (256,)."""
    means = tiles(picture, 16).mean(axis=1)
    means -= means.mean()
    return means / max(float(np.linalg.norm(means)), 1e-9)


def _found(wanted: np.ndarray, image: np.ndarray) -> float:
    """How well the middle of ``wanted`` is found in ``image``; 0 where the middle shows nothing."""
    import cv2

    edge = round(len(wanted) * (1 - MIDDLE) / 2)
    middle = wanted[edge:-edge, edge:-edge]
    if is_flat(middle):
        return 0.0
    scores = cv2.matchTemplate(image, middle, cv2.TM_CCOEFF_NORMED)
    valid = scores[np.isfinite(scores) & (scores <= 1.001)]  # a flat part of the image gives no or any number
    return float(max(0.0, valid.max(initial=0.0)))
