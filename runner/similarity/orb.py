"""ORB: keypoints of one image that find each other in the other, wherever they lie."""

from __future__ import annotations

import numpy as np

from runner.similarity.measure import Measure

KEYPOINTS = 300
"""Most keypoints of an image."""

FARTHEST_MATCH = 48
"""Bits, of 256, in which matched descriptors may differ; unrelated ones differ in about 128."""


class Orb(Measure):
    """Share of keypoints that are each other's best match: twice the matches over all keypoints of both."""

    name = "orb"
    meaning = "share of ORB keypoints with a cross-checked match"
    side = 256

    def features(self, picture: np.ndarray) -> np.ndarray:
        """Distinct descriptors: uint8, shape (n_keypoints, 32).

        Equal descriptors within an image would leave all but one of them without a match, even in the image itself.
        """
        import cv2

        _, descriptors = cv2.ORB.create(nfeatures=KEYPOINTS, fastThreshold=10).detectAndCompute(picture, None)
        return np.empty((0, 32), np.uint8) if descriptors is None else np.unique(descriptors, axis=0)

    def tokens(self, features: np.ndarray) -> np.ndarray:
        """Half of each descriptor in pieces of 16 bits: of two that match, most have a piece in common."""
        pieces = features.view(np.uint16)[:, ::2].astype(np.int64)
        return np.unique(pieces + (np.arange(pieces.shape[1]) << 16))

    def likeness(self, first: np.ndarray, second: np.ndarray) -> float:
        """0 where an image has no keypoints."""
        import cv2

        if not len(first) or not len(second):
            return 0.0
        matches = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(first, second)
        good = sum(match.distance <= FARTHEST_MATCH for match in matches)
        return 2 * good / (len(first) + len(second))
