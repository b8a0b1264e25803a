"""The images that an experiment's settings name, wherever they are."""

from __future__ import annotations

import json
from pathlib import Path

from runner.config import ExperimentConfig
from runner.errors import RunnerError
from runner.images.source import Source, SourceWishes, open_folder, open_vectors


def open_source(config: ExperimentConfig) -> Source:
    """The images before any is opened; raises RunnerError where they can't be had."""
    wishes = SourceWishes(config.labels, config.target, config.pairs, config.sample, config.seed, config.follow_links)
    if config.images is not None:
        return open_folder(config.images, wishes)
    if config.embeddings is not None:
        return open_vectors(config.embeddings, config.paths, wishes)
    assert config.dataset is not None
    from runner.fields.dataset_source import open_dataset

    return open_dataset(config.dataset, wishes, None if config.samples is None else _read_ids(config.samples))


def _read_ids(path: Path) -> list[str]:
    """The sample ids in a JSON list."""
    try:
        ids = json.loads(path.expanduser().read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise RunnerError(f"the list of samples {path} can't be read ({error.strerror or error})") from error
    except (ValueError, RecursionError) as error:
        raise RunnerError(f"the list of samples {path} is not valid JSON: {error}") from error
    if not isinstance(ids, list) or not ids or not all(isinstance(one, str) for one in ids):
        raise RunnerError(f"the list of samples {path} must be a JSON list of sample ids, with one at least")
    return ids
