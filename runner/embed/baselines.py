"""Baselines: descriptors without weights, for a trained model to be measured against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version

from runner.embed.architectures import Architecture, Library, Preprocessing
from runner.embed.recipe import ModelRecipe
from runner.errors import UsageError

ORIENTATIONS = 9
"""Directions that HOG tells apart, as Dalal and Triggs (2005) found best."""

_SMALLEST_CELL = 4
"""Fewest pixels along a side of one of HOG's cells in which gradients can be counted."""

_LARGEST = 256


@dataclass(frozen=True)
class Baseline:
    """A descriptor whose only choice is how fine it is.

    Attributes:
        finest: the number after the colon where none is given.
        resolution: side of the square that images are brought into, in pixels, by that number.
        smallest: smallest such side, by that number.
        preprocessing: the pixel values it takes.
        software: what computes it, with its version; empty where nothing but ourselves does.
        meaning: what the number says.
    """

    finest: int
    resolution: Callable[[int], int]
    smallest: Callable[[int], int]
    preprocessing: Preprocessing
    software: Callable[[], str]
    meaning: str


BASELINES = {
    "pixels": Baseline(
        32,
        resolution=lambda side: max(16, side),
        smallest=lambda side: side,
        preprocessing=Preprocessing((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
        software=lambda: "",
        meaning="pixels along each side",
    ),
    "hog": Baseline(
        8,
        resolution=lambda cells: 16 * cells,
        smallest=lambda cells: _SMALLEST_CELL * cells,
        preprocessing=Preprocessing((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
        software=lambda: f"scikit-image {version('scikit-image')}",
        meaning="cells along each side",
    ),
}


def baseline_recipe(model: str, fineness: str) -> ModelRecipe:
    """The recipe of ``pixels[:SIDE]`` or ``hog[:CELLS]``.

    Raises:
        UsageError: what follows the colon is no number that it can take.
    """
    baseline = BASELINES[model]
    if fineness and not (fineness.isdecimal() and 2 <= int(fineness) <= _LARGEST):
        example = f"for example {model}:{baseline.finest}"
        raise UsageError(f"{model}:{fineness} must name the {baseline.meaning}, 2 to {_LARGEST}, {example}")
    number = int(fineness or baseline.finest)
    architecture = Architecture(
        model,
        Library.BASELINE,
        resolution=baseline.resolution(number),
        preprocessing=baseline.preprocessing,
        smallest=baseline.smallest(number),
    )
    network: dict[str, object] = {"baseline": model, "fineness": number, "software": baseline.software()}
    return ModelRecipe(
        model,
        str(number),
        architecture,
        architecture.preprocessing,
        architecture.resolution,
        model_config=network,
        notes=(f"{model}:{number} is a baseline, not a trained model",),
    )
