"""Pictures in which a measure finds nothing to compare: they are like nothing but the same pixels.

A hash of a white picture and one of a red picture have the same bits, as both hold nothing but rounding. To call the
two alike would be to say what was never looked at.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
from PIL import Image

ROUNDING_LEVELS = 1
"""Grey levels by which rounding to whole ones can make equal brightnesses differ."""


def is_flat(levels: np.ndarray) -> bool:
    """Whether brightnesses, in grey levels, differ by no more than rounding makes them; any shape.

    >>> is_flat(np.array([254, 255, 255], dtype=np.uint8)), is_flat(np.array([253, 255, 255], dtype=np.uint8))
    (True, False)
    """
    return float(levels.max()) - float(levels.min()) <= ROUNDING_LEVELS


def pixel_digest(image: Image.Image) -> bytes:
    """What two pictures have in common exactly where size and colours are the same, 16 bytes.

    Args:
        image: from ``decode_image``, perhaps decoded at reduced scale; a single colour is the same at any scale.
    """
    pixels = image.convert("RGB")
    extrema = [extremum for extremum in pixels.getextrema() if isinstance(extremum, tuple)]
    plain = all(low == high for low, high in extrema)
    content = bytes(int(low) for low, _ in extrema) if plain else pixels.tobytes()
    size = repr(image.info.get("source_size", image.size)).encode()
    return hashlib.blake2b(size + content, digest_size=16, person=b"pixels").digest()


def comparable(pairs: np.ndarray, featureless: Mapping[int, bytes]) -> tuple[np.ndarray, np.ndarray]:
    """Which pairs can be compared, and which are the same pixels without anything to compare.

    Args:
        pairs: int, shape (m, 2), of rows.
        featureless: the rows with nothing to compare, each with the digest of its pixels.

    Returns:
        bool, shape (m,), twice; a pair in neither has nothing in common.
    """
    numbers = {digest: number for number, digest in enumerate(dict.fromkeys(featureless.values()))}
    content = np.full(max(int(pairs.max(initial=-1)), *featureless, -1) + 1, -1)
    content[list(featureless)] = [numbers[digest] for digest in featureless.values()]
    first, second = content[pairs].T
    return (first < 0) & (second < 0), (first >= 0) & (first == second)


def pairs_of_equals(featureless: Mapping[int, bytes]) -> np.ndarray:
    """Links each row to the next one of the same pixels, in the mapping's order: int32, shape (m, 2).

    >>> pairs_of_equals({2: b"white", 3: b"red", 5: b"white", 8: b"white"}).tolist()
    [[2, 5], [5, 8]]
    """
    latest: dict[bytes, int] = {}
    pairs = []
    for row, digest in featureless.items():
        if digest in latest:
            pairs.append((latest[digest], row))
        latest[digest] = row
    return np.array(pairs, dtype=np.int32).reshape(-1, 2)
