"""ImageNet's class names by the classifier of the bundled model."""

from __future__ import annotations

import numpy as np

from runner.embed.recipe import ModelRecipe
from runner.errors import RunnerError


def imagenet_names() -> tuple[str, ...]:
    """The 1,000 classes in ImageNet's order, in the plain words that CLIP's authors chose for them."""
    from open_clip import IMAGENET_CLASSNAMES

    return tuple(IMAGENET_CLASSNAMES)


def imagenet_scores(recipe: ModelRecipe, features: np.ndarray) -> np.ndarray:
    """The classifier's answers (logits) for features of the bundled model.

    Args:
        recipe: of the bundled model.
        features: as the model gives them, not normalised, shape (n, 1280). The classifier is linear, so that its answer
            for a mean is the mean of its answers.

    Returns:
        float64, shape (n, 1000).

    Raises:
        RunnerError: the weights hold no such classifier.
    """
    from runner.embed.weights.state_dict import read_state_dict

    assert recipe.weights_file is not None
    *_, weight, bias = read_state_dict(recipe.weights_file).values()
    if tuple(weight.shape) != (1000, features.shape[1]) or tuple(bias.shape) != (1000,):
        raise RunnerError(
            f"{recipe.weights_file} does not end with a classifier of 1,000 classes; install its package again"
        )
    return features @ weight.numpy().astype(np.float64).T + bias.numpy().astype(np.float64)
