"""Near-duplicates by the cosine similarity of embeddings: single linkage, read off the spanning tree, which is exact up
to a stated number of images."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from runner.cluster.geometry import Geometry, build_geometry
from runner.cluster.graph.similarity_tree import SimilarityTree
from runner.cluster.spaces import Space
from runner.duplicates.bursts import cosines, tree_within
from runner.duplicates.config import DuplicatesConfig
from runner.duplicates.links import EmbeddedImages, LinkRequest, Links
from runner.embed.device import select_device
from runner.images.image_set import ImageSet, SkippedImage
from runner.images.similarity.featureless import pairs_of_equals
from runner.images.similarity.time_window import TimeWindow
from runner.utils.atomic import save_array
from runner.utils.scratch import scratch_folder

SEED = 0
"""Names the geometry's folder; nothing in space ``none`` is random."""


def link_embedding(request: LinkRequest) -> Links:
    """Cosine similarity under one embedding."""
    embedded = request.embed()
    if request.window is not None:
        rows = np.array(request.images.rows_of(embedded.images.ids))
        return _links_within(request.window.of(rows), embedded)
    if embedded.featureless:
        return _links_of_others(request.config, embedded)
    return _links(embedded.images, embedded.skipped, embedded.geometry(), embedded.key)


def geometry_of(config: DuplicatesConfig, folder: Path, vectors_path: Path) -> Geometry:
    """Neighbours and tree of vectors, computed into ``folder``."""
    return build_geometry(
        folder,
        Space.parse("none"),
        vectors_path,
        base=None,
        min_samples=1,
        seed=SEED,
        device=str(select_device(config.device)),
        exact_up_to=config.exact_up_to,
    )


def _links_of_others(config: DuplicatesConfig, embedded: EmbeddedImages) -> Links:
    """Links where the vectors of some images say nothing: no chain of others may go through these."""
    images, skipped, key, vectors = embedded.images, embedded.skipped, embedded.key, embedded.vectors
    rows = np.setdiff1d(np.arange(len(images)), list(embedded.featureless))
    equal = pairs_of_equals(embedded.featureless)
    tree = SimilarityTree(equal, np.ones(len(equal)), len(images))
    if len(rows) < 2:
        return Links(images, skipped, tree, _measure(key), vectors)
    with scratch_folder() as folder:
        save_array(folder / "others.npy", vectors[rows])
        others = _links(images.subset(rows.tolist()), (), geometry_of(config, folder, folder / "others.npy"), key)
        edges = np.concatenate([equal, rows[others.tree.edges].astype(np.int32)])
        tree = SimilarityTree(edges, np.concatenate([tree.similarities, others.tree.similarities]), len(images))
        return Links(images, skipped, tree, others.measure, vectors)


def _links(images: ImageSet, skipped: tuple[SkippedImage, ...], geometry: Geometry, key: str) -> Links:
    tree = SimilarityTree.of_geometry(geometry)
    measure = _measure(key)
    if geometry.recall is not None:
        measure += f", neighbours found in two stages ({geometry.recall:.0%} of a sample's)"
    return Links(images, skipped, tree, measure, geometry.vectors)


def _links_within(window: TimeWindow, embedded: EmbeddedImages) -> Links:
    vectors = embedded.vectors
    tree = tree_within(window, lambda pairs: cosines(vectors, pairs), embedded.featureless)
    return Links(embedded.images, embedded.skipped, tree, _measure(embedded.key), vectors)


def _measure(key: str) -> str:
    return f"cosine similarity under {key}"
