"""Names for clusters, by whatever the model of their embedding knows of words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from runner.cluster.trial import NOISE
from runner.embed.recipe import BUNDLED_MODEL, ModelRecipe
from runner.errors import UsageError
from runner.naming.cluster_means import mean_directions
from runner.naming.imagenet import imagenet_names, imagenet_scores
from runner.naming.unique_names import choose_names, likely_classes
from runner.naming.vocabulary import default_vocabulary, read_vocabulary
from runner.naming.zero_shot import name_directions


def names_of_clusters(
    recipe: ModelRecipe,
    labels: np.ndarray,
    *,
    vectors: Callable[[], np.ndarray],
    features: Callable[[], np.ndarray],
    vocabulary: Path | None = None,
) -> dict[int, str]:
    """Names by what the images of each cluster show.

    The bundled model's own classifier knows ImageNet's classes; a cluster that none of them fits gets no name. Models
    with a text tower (CLIP) compare the clusters with a vocabulary. Where several clusters deserve the same name, the
    smaller ones get a number.

    Args:
        recipe: the model of the embedding.
        labels: of the images, int, shape (n,), with one cluster at least.
        vectors: gives those of the images, unit length, shape (n, d), for a model with a text tower.
        features: gives each cluster's mean feature before normalisation, shape (n_clusters, d), for a classifier.
        vocabulary: text file with a name per line, in place of the default list.

    Returns:
        names by number of the cluster, the largest cluster first.

    Raises:
        UsageError: a vocabulary for a model that has its own, or too short a one.
        RunnerError: the model knows no words, or its words are not to be had.
    """
    sizes = np.bincount(labels[labels != NOISE])
    if recipe.model == BUNDLED_MODEL:
        if vocabulary is not None:
            raise UsageError(
                f"{BUNDLED_MODEL} names clusters by ImageNet's classes only; leave the vocabulary out, or use a model "
                "with a text tower, such as ViT-B-32"
            )
        scores = imagenet_scores(recipe, features())
        return choose_names(likely_classes(scores, sizes), imagenet_names(), sizes)
    names = default_vocabulary() if vocabulary is None else read_vocabulary(vocabulary)
    directions = name_directions(recipe, names)
    return choose_names(mean_directions(labels, vectors()) @ directions.T, names, sizes)
