"""SSIM: structural similarity of the brightness, place by place."""

from __future__ import annotations

import numpy as np

from runner.similarity.measure import Measure


class Ssim(Measure):
    """scikit-image's mean structural similarity (Wang et al. 2004); opposites count as 0."""

    name = "ssim"
    meaning = "structural similarity (SSIM) at 64 × 64 pixels"
    side = 64

    def features(self, picture: np.ndarray) -> np.ndarray:
        """The picture itself, float32, 0 … 1."""
        return picture.astype(np.float32) / 255

    def likeness(self, first: np.ndarray, second: np.ndarray) -> float:
        """The mean over all windows of 7 × 7 pixels."""
        from skimage.metrics import structural_similarity

        return float(structural_similarity(first, second, data_range=1.0))
