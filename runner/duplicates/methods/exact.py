"""Copies: files with the same bytes."""

from __future__ import annotations

import numpy as np

from runner.cluster.graph.similarity_tree import SimilarityTree
from runner.duplicates.links import LinkRequest, Links
from runner.embed.hashed_images import hash_images
from runner.images.image_set import SkippedImage


def link_exact(request: LinkRequest) -> Links:
    """Files of equal content hash, under whatever name; similarity 1, and nothing else is linked."""
    hashed = hash_images(request.images, request.cache_dir)
    usable = [row for row, value in enumerate(hashed.by_image) if value is not None]
    first: dict[str, int] = {}
    edges = []
    for place, row in enumerate(usable):
        original = first.setdefault(hashed.by_image[row] or "", place)
        if original != place:
            edges.append((original, place))
    tree = SimilarityTree(np.array(edges, dtype=np.int32).reshape(-1, 2), np.ones(len(edges)), len(usable))
    skipped = tuple(SkippedImage(request.images.ids[row], reason) for row, reason in hashed.errors.items())
    return Links(request.images.subset(usable), skipped, tree, "same bytes")
