"""Near-duplicates by the cosine similarity of embeddings: single linkage, read off the spanning tree, which is exact up
to a stated number of images."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from runner.cluster.geometry import Geometry, build_geometry
from runner.cluster.graph.similarity_tree import SimilarityTree
from runner.cluster.spaces import Space
from runner.duplicates.bursts import cosines, tree_within
from runner.duplicates.links import LinkRequest, Links
from runner.embed.device import select_device
from runner.experiment.search_embedding import embed_searched, featureless_images
from runner.images.image_set import ImageSet, SkippedImage
from runner.images.similarity.featureless import pairs_of_equals
from runner.images.similarity.time_window import TimeWindow
from runner.images.source import require_enough
from runner.utils.atomic import save_array
from runner.utils.scratch import scratch_folder

SEED = 0
"""Names the geometry's folder; nothing in space ``none`` is random."""


def link_embedding(request: LinkRequest) -> Links:
    """Cosine similarity under one embedding: the finished experiment's, or the model's that is asked for."""
    if request.finished is not None:
        key = request.finished.embedding_key(request.config.embedding)
        record = next(record for record in request.finished.summary.embeddings if record.key == key)
        vectors = request.finished.vectors(key)
        featureless = featureless_images(record.model, record.weights, record.resolution, vectors, request.images.paths)
        if request.window is not None:
            return _links_within(request.window, request.images, (), vectors, key, featureless)
        if featureless:
            return _links_of_others(request, request.images, (), vectors, key, featureless)
        return _links(request.images, (), request.finished.geometry(key), key)
    run = embed_searched(request.images, request.config, request.say)
    require_enough(run.images, request.images.location or request.config.asked_for, run.skipped)
    path, key, config = run.embeddings[0].vectors_path, run.embeddings[0].key, run.embeddings[0].config
    assert config is not None
    vectors = np.load(path, mmap_mode="r", allow_pickle=False)
    featureless = featureless_images(config.model, config.weights, config.resolution, vectors, run.images.paths)
    if request.window is not None:
        window = request.window.of(np.array(request.images.rows_of(run.images.ids)))
        return _links_within(window, run.images, run.skipped, vectors, key, featureless)
    if featureless:
        return _links_of_others(request, run.images, run.skipped, vectors, key, featureless)
    return _links(run.images, run.skipped, _geometry(request, path.with_suffix("") / f"none-{SEED}", path), key)


def _geometry(request: LinkRequest, folder: Path, vectors_path: Path) -> Geometry:
    return build_geometry(
        folder,
        Space.parse("none"),
        vectors_path,
        base=None,
        min_samples=1,
        seed=SEED,
        device=str(select_device(request.config.device)),
        exact_up_to=request.config.exact_up_to,
    )


def _links_of_others(
    request: LinkRequest,
    images: ImageSet,
    skipped: tuple[SkippedImage, ...],
    vectors: np.ndarray,
    key: str,
    featureless: Mapping[int, bytes],
) -> Links:
    """Links where the vectors of some images say nothing: no chain of others may go through these."""
    rows = np.setdiff1d(np.arange(len(images)), list(featureless))
    equal = pairs_of_equals(featureless)
    tree = SimilarityTree(equal, np.ones(len(equal)), len(images))
    if len(rows) < 2:
        return Links(images, skipped, tree, _measure(key), vectors)
    with scratch_folder() as folder:
        save_array(folder / "others.npy", vectors[rows])
        others = _links(images.subset(rows.tolist()), (), _geometry(request, folder, folder / "others.npy"), key)
        edges = np.concatenate([equal, rows[others.tree.edges].astype(np.int32)])
        tree = SimilarityTree(edges, np.concatenate([tree.similarities, others.tree.similarities]), len(images))
        return Links(images, skipped, tree, others.measure, vectors)


def _links(images: ImageSet, skipped: tuple[SkippedImage, ...], geometry: Geometry, key: str) -> Links:
    tree = SimilarityTree.of_geometry(geometry)
    measure = _measure(key)
    if geometry.recall is not None:
        measure += f", neighbours found in two stages ({geometry.recall:.0%} of a sample's)"
    return Links(images, skipped, tree, measure, geometry.vectors)


def _links_within(
    window: TimeWindow,
    images: ImageSet,
    skipped: tuple[SkippedImage, ...],
    vectors: np.ndarray,
    key: str,
    featureless: Mapping[int, bytes],
) -> Links:
    tree = tree_within(window, lambda pairs: cosines(vectors, pairs), featureless)
    return Links(images, skipped, tree, _measure(key), vectors)


def _measure(key: str) -> str:
    return f"cosine similarity under {key}"
