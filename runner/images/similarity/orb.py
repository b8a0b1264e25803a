"""ORB: keypoints of one image that find each other in the other, wherever they lie."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runner.images.similarity.base import Measure
from runner.images.similarity.candidates import most_shared
from runner.images.similarity.codes import count_mutual

KEYPOINTS = 300
"""Most keypoints of an image."""

FARTHEST_MATCH = 48
"""Bits, of 256, in which matched descriptors may differ; unrelated ones differ in about 128."""


class Orb(Measure):
    """Share of keypoints that are each other's best match: twice the matches over all keypoints of both."""

    name = "orb"
    meaning = "share of ORB keypoints with a cross-checked match"
    side = 256
    strangers = 0.28

    def features(self, picture: np.ndarray) -> np.ndarray | None:
        """Distinct descriptors in words: uint64, shape (n_keypoints, 4); None where there are no keypoints.

        Equal descriptors within an image would leave all but one of them without a match, even in the image itself.
        """
        import cv2

        _, descriptors = cv2.ORB.create(nfeatures=KEYPOINTS, fastThreshold=10).detectAndCompute(picture, None)
        if descriptors is None:
            return None
        return np.ascontiguousarray(np.unique(descriptors, axis=0)).view(np.uint64)

    def likely(self, features: Sequence[np.ndarray], k: int) -> np.ndarray:
        """Those with the most pieces of descriptors in common."""
        return most_shared([tokens(each) for each in features], k)

    def likeness(self, first: np.ndarray, second: np.ndarray) -> float:
        """Twice the matches over all keypoints."""
        return 2 * count_mutual(first, second, FARTHEST_MATCH) / (len(first) + len(second))


def tokens(descriptors: np.ndarray) -> np.ndarray:
    """Half of each descriptor in pieces of 16 bits, int64, each once: of two that match, most have one in common."""
    pieces = descriptors.view(np.uint16)[:, ::2].astype(np.int64)
    return np.unique(pieces + (np.arange(pieces.shape[1]) << 16))
