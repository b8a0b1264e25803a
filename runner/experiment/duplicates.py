"""The search for duplicates in a folder, a list, a dataset, or the images of a finished experiment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from runner.duplicates.config import DuplicatesConfig
from runner.duplicates.find import Duplicates, duplicates_among
from runner.duplicates.links import EmbeddedImages, LinkRequest, Links
from runner.duplicates.methods import METHODS
from runner.duplicates.methods.embedding import SEED, geometry_of
from runner.errors import RunnerError
from runner.experiment.open_source import open_images
from runner.experiment.results import FinishedExperiment, open_experiment
from runner.experiment.search_embedding import embed_searched, featureless_images
from runner.images.image_set import ImageSet
from runner.images.source import require_enough

Say = Callable[[str], None]


def find_duplicates(
    config: DuplicatesConfig, say: Say = lambda line: None, finished: FinishedExperiment | None = None
) -> Duplicates:
    """Find groups of duplicates; nothing is written but what can be computed again.

    Args:
        config: all settings.
        say: told what is going on, line by line.
        finished: the experiment in ``config.results``, if it is open already.

    Raises:
        RunnerError: fewer than two usable images, a name with a line break, or something can't be computed.
        UsageError: an unknown model or embedding.
    """
    if config.results is not None:
        return duplicates_among(_request_of_results(config, finished or open_experiment(config.results)), say)
    source = open_images(config)
    if source.note:
        say(f"note        {source.note}")
    require_enough(source.images, source.images.location or config.asked_for, source.skipped)
    request = LinkRequest(source.images, config, config.cache_dir, lambda: _embedded(source.images, config, say))
    found = duplicates_among(request, say)
    return replace(found, skipped=(*source.skipped, *found.skipped), unread_kinds=source.unread_kinds)


def link_images(config: DuplicatesConfig, finished: FinishedExperiment) -> Links:
    """How alike the images of a finished experiment are under the method of ``config``, before any threshold.

    Raises:
        RunnerError: something can't be computed, or image files are not known.
    """
    return METHODS[config.method](_request_of_results(config, finished))


def _request_of_results(config: DuplicatesConfig, finished: FinishedExperiment) -> LinkRequest:
    if not finished.images.paths:
        raise RunnerError(
            f"the image files of {config.results} are not known, and to choose among duplicates they must be read"
        )

    def embed() -> EmbeddedImages:
        key = finished.embedding_key(config.embedding)
        record = next(record for record in finished.summary.embeddings if record.key == key)
        vectors, paths = finished.vectors(key), finished.images.paths
        featureless = featureless_images(record.model, record.weights, record.resolution, vectors, paths)
        return EmbeddedImages(finished.images, (), key, vectors, lambda: finished.geometry(key), featureless)

    return LinkRequest(
        finished.images,
        config,
        finished.config.cache_dir,
        embed,
        lambda: finished.geometry(finished.embedding_key(config.embedding)),
    )


def _embedded(images: ImageSet, config: DuplicatesConfig, say: Say) -> EmbeddedImages:
    run = embed_searched(images, config, say)
    require_enough(run.images, images.location or config.asked_for, run.skipped)
    path, key, embedding = run.embeddings[0].vectors_path, run.embeddings[0].key, run.embeddings[0].config
    assert embedding is not None
    vectors = np.load(path, mmap_mode="r", allow_pickle=False)
    paths = run.images.paths
    featureless = featureless_images(embedding.model, embedding.weights, embedding.resolution, vectors, paths)
    folder = path.with_suffix("") / f"none-{SEED}"
    return EmbeddedImages(run.images, run.skipped, key, vectors, lambda: geometry_of(config, folder, path), featureless)
