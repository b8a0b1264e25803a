"""SSIM: structural similarity of the brightness, place by place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runner.images.similarity.base import Measure
from runner.images.similarity.candidates import nearest_sketches, tiles
from runner.utils.compiled import compiled

WINDOW = 7
"""Side, in pixels, of the squares whose means, variances and covariance are compared."""


class Ssim(Measure):
    """Mean structural similarity (Wang et al. 2004), as scikit-image computes it; opposites count as 0."""

    name = "ssim"
    meaning = "structural similarity (SSIM) at 64 × 64 pixels"
    side = 64
    strangers = 0.57

    def features(self, picture: np.ndarray) -> np.ndarray:
        """The picture itself."""
        return picture

    def likely(self, features: Sequence[np.ndarray], k: int) -> np.ndarray:
        """Those whose brightness and contrast are near each other's, place by place."""
        return nearest_sketches(np.stack([sketch(each) for each in features]), k)

    def likeness(self, first: np.ndarray, second: np.ndarray) -> float:
        """The mean over all windows."""
        return float(mean_similarity(first, second))


def sketch(picture: np.ndarray) -> np.ndarray:
    """Means, and logarithms of deviations, of squares of 4 × 4 pixels: float32, shape (512,).

    Of pairs with an SSIM of 0.5, 99 % were found among the nearest 7 % of the images by this, and 91 % by correlation.
    """
    squares = tiles(picture, 16)
    contrast = np.log1p(squares.std(axis=1) / (0.03 * 255))
    return np.concatenate([squares.mean(axis=1) / 128, contrast])


@compiled(nogil=True)
def mean_similarity(first, second):  # type: ignore[no-untyped-def]
    """SSIM of two uint8 arrays of one shape, averaged over all windows that lie inside; a tenth of the time of
    ``skimage.metrics.structural_similarity``, since sums move along with the window."""
    rows, columns = first.shape
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    area = WINDOW * WINDOW
    sums = np.zeros((5, columns), dtype=np.int64)  # of the window's rows, by column: x, y, x², y², xy
    total = 0.0
    for row in range(rows):
        for column in range(columns):
            x, y = np.int64(first[row, column]), np.int64(second[row, column])
            sums[0, column] += x
            sums[1, column] += y
            sums[2, column] += x * x
            sums[3, column] += y * y
            sums[4, column] += x * y
            if row >= WINDOW:
                x, y = np.int64(first[row - WINDOW, column]), np.int64(second[row - WINDOW, column])
                sums[0, column] -= x
                sums[1, column] -= y
                sums[2, column] -= x * x
                sums[3, column] -= y * y
                sums[4, column] -= x * y
        if row < WINDOW - 1:
            continue
        sx = sy = sxx = syy = sxy = 0
        for column in range(columns):
            sx += sums[0, column]
            sy += sums[1, column]
            sxx += sums[2, column]
            syy += sums[3, column]
            sxy += sums[4, column]
            if column >= WINDOW:
                sx -= sums[0, column - WINDOW]
                sy -= sums[1, column - WINDOW]
                sxx -= sums[2, column - WINDOW]
                syy -= sums[3, column - WINDOW]
                sxy -= sums[4, column - WINDOW]
            if column >= WINDOW - 1:
                mx, my = sx / area, sy / area
                vx = (sxx - sx * mx) / (area - 1)
                vy = (syy - sy * my) / (area - 1)
                vxy = (sxy - sx * my) / (area - 1)
                total += ((2 * mx * my + c1) * (2 * vxy + c2)) / ((mx * mx + my * my + c1) * (vx + vy + c2))
    return total / ((rows - WINDOW + 1) * (columns - WINDOW + 1))
