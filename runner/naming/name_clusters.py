"""Names for the clusters of a trial, by whatever the model of its embedding knows of words."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from runner.cluster.trial import NOISE
from runner.embed.cache.embedding_cache import EmbeddingCache
from runner.embed.recipe import BUNDLED_MODEL, ModelRecipe
from runner.embed.recipe_resolver import ModelResolver
from runner.errors import RunnerError, UsageError
from runner.experiment.results import FinishedExperiment
from runner.images.content_hash import ContentHashes
from runner.naming.cluster_means import mean_directions, mean_features
from runner.naming.imagenet import imagenet_names, imagenet_scores
from runner.naming.unique_names import choose_names, likely_classes
from runner.naming.vocabulary import default_vocabulary, read_vocabulary
from runner.naming.zero_shot import name_directions


def name_clusters(experiment: FinishedExperiment, trial_id: str, *, vocabulary: Path | None = None) -> dict[int, str]:
    """Name the clusters of a trial by what their images show.

    The bundled model's own classifier knows ImageNet's classes; a cluster that none of them fits gets no name. Models
    with a text tower (CLIP) compare the clusters with a vocabulary. Where several clusters deserve the same name, the
    smaller ones get a number.

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
    trial = experiment.summary.trial(trial_id)
    labels = experiment.labels(trial_id)
    if labels.max(initial=NOISE) == NOISE:
        return {}
    recipe = _recipe(experiment, trial.embedding)
    sizes = np.bincount(labels[labels != NOISE])
    if recipe.model == BUNDLED_MODEL:
        if vocabulary is not None:
            raise UsageError(
                f"{BUNDLED_MODEL} names clusters by ImageNet's classes only; leave the vocabulary out, or use a model "
                "with a text tower, such as ViT-B-32"
            )
        scores = imagenet_scores(recipe, _features(experiment, trial.embedding, labels))
        return choose_names(likely_classes(scores, sizes), imagenet_names(), sizes)
    names = default_vocabulary() if vocabulary is None else read_vocabulary(vocabulary)
    directions = name_directions(recipe, names)
    means = mean_directions(labels, experiment.vectors(trial.embedding))
    return choose_names(means @ directions.T, names, sizes)


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
