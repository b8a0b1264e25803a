"""The images that settings name, wherever they are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from runner.config.experiment import ExperimentConfig
from runner.config.images import ImagesConfig
from runner.errors import RunnerError
from runner.images.source import Source, SourceWishes, open_folders, open_list, open_vectors
from runner.utils.text_files import MOST_BYTES_OF_A_LIST, read_json


def open_source(config: ExperimentConfig) -> Source:
    """The images of an experiment before any is opened; raises RunnerError where they can't be had."""
    wishes = SourceWishes(config.labels, config.target, config.pairs, config.sample, config.seed, config.follow_links)
    if config.embeddings is not None:
        return open_vectors(config.embeddings, config.paths, wishes)
    return open_images(config, wishes, None if config.samples is None else read_sample_ids(config.samples))


def open_images(
    config: ImagesConfig, wishes: SourceWishes | None = None, sample_ids: Sequence[str] | None = None
) -> Source:
    """The images in folders, in a list or in a dataset.

    Args:
        config: names one of the three.
        wishes: what is asked of them; nothing by default.
        sample_ids: only these samples of a dataset.

    Raises:
        RunnerError: they can't be had.
    """
    wishes = wishes or SourceWishes(follow_links=config.follow_links)
    if config.images is not None:
        return open_folders(config.images, wishes)
    if config.images_from is not None:
        return open_list(config.images_from, wishes)
    assert config.dataset is not None
    from runner.integrations.fiftyone.dataset_source import open_dataset

    return open_dataset(config.dataset, wishes, sample_ids, view=config.view)


def read_sample_ids(path: Path) -> list[str]:
    """The sample ids in a JSON list."""
    ids = read_json(path.expanduser(), "the list of samples", at_most=MOST_BYTES_OF_A_LIST)
    if not isinstance(ids, list) or not ids or not all(isinstance(one, str) for one in ids):
        raise RunnerError(f"the list of samples {path} must be a JSON list of sample ids, with one at least")
    return ids
