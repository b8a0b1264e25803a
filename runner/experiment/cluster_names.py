"""Names for the clusters of a finished experiment's trial."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from runner.cluster.trial import NOISE
from runner.embed.cache.embedding_cache import EmbeddingCache
from runner.embed.recipe import ModelRecipe
from runner.embed.recipe_resolver import ModelResolver
from runner.errors import RunnerError
from runner.experiment.results import FinishedExperiment
from runner.images.content_hash import ContentHashes
from runner.naming.cluster_means import mean_features
from runner.naming.name_clusters import names_of_clusters


def name_clusters(experiment: FinishedExperiment, trial_id: str, *, vocabulary: Path | None = None) -> dict[int, str]:
    """Name the clusters of a trial by what their images show; see :func:`names_of_clusters`.

    Args:
        experiment: finished results.
        trial_id: a trial that is done.
        vocabulary: text file with a name per line, in place of the default list.

    Returns:
        names by number of the cluster, the largest cluster first.

    Raises:
        UsageError: a vocabulary for a model that has its own, or too short a one.
        RunnerError: the model knows no words, or something that is needed is no longer there.
    """
    embedding = experiment.summary.trial(trial_id).embedding
    labels = experiment.labels(trial_id)
    if labels.max(initial=NOISE) == NOISE:
        return {}
    return names_of_clusters(
        _recipe(experiment, embedding),
        labels,
        vectors=lambda: experiment.vectors(embedding),
        features=lambda: _features(experiment, embedding, labels),
        vocabulary=vocabulary,
    )


def _recipe(experiment: FinishedExperiment, key: str) -> ModelRecipe:
    config = experiment.embedding_config(key)
    if config is None:
        raise RunnerError(f"the vectors {key} come from no model that knows words; name the clusters by hand")
    return ModelResolver(experiment.config.cache_dir).recipe_of(config)


def _features(experiment: FinishedExperiment, key: str, labels: np.ndarray) -> np.ndarray:
    cache = EmbeddingCache(experiment.config.cache_dir)
    hashes = ContentHashes(cache.cache_dir).hash_files(experiment.images.paths)
    missing = [path for path, value in zip(experiment.images.paths, hashes, strict=True) if isinstance(value, OSError)]
    if missing:
        raise RunnerError(f"{missing[0]} can't be read any more; run the experiment again")
    return mean_features(labels, cache, key, [str(value) for value in hashes])
