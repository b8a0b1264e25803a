"""A reproducible part of an image set."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection

from runner.images.image_set import ImageSet


def sample_images(images: ImageSet, size: int | float, seed: int, always: Collection[str] = ()) -> ImageSet:
    """Draw images at random, the same ones for the same ids and seed on any machine.

    Each id gets a rank from a keyed hash, and those that rank first are taken: a smaller sample is therefore part of
    every larger one with the same seed and ``always``, and the order or the number of the other images plays no part
    in how two of them rank.

    Args:
        images: what to draw from.
        size: how many, if an int; which share of all (0 < size ≤ 1, rounded up), if a float.
        seed: any integer.
        always: ids that the sample holds in any case; they count towards ``size`` and may exceed it.

    Returns:
        The sample in the order of ``images``; all images where there are fewer than asked for.

    Raises:
        ValueError: ``size`` is out of range, or an id in ``always`` is unknown.
    """
    wanted = _count(size, len(images))
    kept = set(always)
    if unknown := kept.difference(images.ids):
        raise ValueError(f"always: no images with these ids: {sorted(unknown)}")
    key = hashlib.blake2b(str(seed).encode(), digest_size=32).digest()

    def rank(row: int) -> tuple[bool, bytes]:
        image_id = images.ids[row]
        return image_id not in kept, hashlib.blake2b(image_id.encode(), key=key, digest_size=16).digest()

    ranked = sorted(range(len(images)), key=rank)
    return images.subset(sorted(ranked[: max(wanted, len(kept))]))


def _count(size: int | float, n_images: int) -> int:
    if isinstance(size, float):
        if not 0 < size <= 1:
            raise ValueError(f"size: a share must be above 0 and at most 1, not {size}")
        return max(1, math.ceil(size * n_images - 1e-9))  # 0.07 * 100 is a little more than 7
    if size < 1:
        raise ValueError(f"size: a count must be at least 1, not {size}")
    return size
