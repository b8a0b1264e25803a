"""Near-duplicates by the cosine similarity of embeddings: single linkage, read off the exact spanning tree."""

from __future__ import annotations

from runner.cluster.geometry import Geometry, build_geometry
from runner.cluster.similarity_tree import SimilarityTree
from runner.cluster.spaces import Space
from runner.duplicates.links import LinkRequest, Links
from runner.embed.encoders.device import select_device
from runner.images.image_set import ImageSet, SkippedImage
from runner.images.source import require_enough
from runner.search_embedding import embed_searched

SEED = 0
"""Names the geometry's folder; nothing in space ``none`` is random."""


def link_embedding(request: LinkRequest) -> Links:
    """Cosine similarity under one embedding: the finished experiment's, or the model's that is asked for."""
    if request.finished is not None:
        key = request.finished.embedding_key(request.config.embedding)
        return _links(request.images, (), request.finished.geometry(key), key)
    run = embed_searched(request.images, request.config, request.say)
    require_enough(run.images, str(request.images.root), run.skipped)
    path = run.embeddings[0].vectors_path
    device = str(select_device(request.config.device))
    geometry = build_geometry(
        path.with_suffix("") / f"none-{SEED}",
        Space.parse("none"),
        path,
        base=None,
        min_samples=1,
        seed=SEED,
        device=device,
    )
    return _links(run.images, run.skipped, geometry, run.embeddings[0].key)


def _links(images: ImageSet, skipped: tuple[SkippedImage, ...], geometry: Geometry, key: str) -> Links:
    tree = SimilarityTree.of_geometry(geometry)
    return Links(images, skipped, tree, f"cosine similarity under {key}", geometry.vectors)
