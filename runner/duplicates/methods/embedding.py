"""Near-duplicates by the cosine similarity of embeddings: single linkage, read off the spanning tree, which is exact up
to a stated number of images."""

from __future__ import annotations

import numpy as np

from runner.cluster.geometry import Geometry, build_geometry
from runner.cluster.similarity_tree import SimilarityTree
from runner.cluster.spaces import Space
from runner.duplicates.bursts import cosines, tree_within
from runner.duplicates.links import LinkRequest, Links
from runner.embed.encoders.device import select_device
from runner.images.image_set import ImageSet, SkippedImage
from runner.images.source import require_enough
from runner.search_embedding import embed_searched
from runner.similarity.time_window import TimeWindow

SEED = 0
"""Names the geometry's folder; nothing in space ``none`` is random."""


def link_embedding(request: LinkRequest) -> Links:
    """Cosine similarity under one embedding: the finished experiment's, or the model's that is asked for."""
    if request.finished is not None:
        key = request.finished.embedding_key(request.config.embedding)
        geometry = request.finished.geometry(key)
        if request.window is not None:
            return _links_within(request.window, request.images, (), geometry.vectors, key)
        return _links(request.images, (), geometry, key)
    run = embed_searched(request.images, request.config, request.say)
    require_enough(run.images, str(request.images.root), run.skipped)
    path, key = run.embeddings[0].vectors_path, run.embeddings[0].key
    if request.window is not None:
        window = request.window.of(np.array(request.images.rows_of(run.images.ids)))
        return _links_within(window, run.images, run.skipped, np.load(path, mmap_mode="r"), key)
    device = str(select_device(request.config.device))
    geometry = build_geometry(
        path.with_suffix("") / f"none-{SEED}",
        Space.parse("none"),
        path,
        base=None,
        min_samples=1,
        seed=SEED,
        device=device,
        exact_up_to=request.config.exact_up_to,
    )
    return _links(run.images, run.skipped, geometry, key)


def _links(images: ImageSet, skipped: tuple[SkippedImage, ...], geometry: Geometry, key: str) -> Links:
    tree = SimilarityTree.of_geometry(geometry)
    measure = _measure(key)
    if geometry.recall is not None:
        measure += f", neighbours found in two stages ({geometry.recall:.0%} of a sample's)"
    return Links(images, skipped, tree, measure, geometry.vectors)


def _links_within(
    window: TimeWindow, images: ImageSet, skipped: tuple[SkippedImage, ...], vectors: np.ndarray, key: str
) -> Links:
    tree = tree_within(window, lambda pairs: cosines(vectors, pairs))
    return Links(images, skipped, tree, _measure(key), vectors)


def _measure(key: str) -> str:
    return f"cosine similarity under {key}"
