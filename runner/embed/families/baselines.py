"""Baselines: descriptors without weights, for a trained model to be measured against."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from runner.embed.architectures import Architecture, Library, Preprocessing
from runner.embed.families.base import KnownModel, ModelFamily
from runner.embed.recipe import ModelRecipe
from runner.errors import UsageError

ORIENTATIONS = 9
"""Directions that HOG tells apart, as Dalal and Triggs (2005) found best."""

_SMALLEST_CELL = 4
"""Fewest pixels along a side of one of HOG's cells in which gradients can be counted."""

_LARGEST = 256

_PRECISION = 1e-4
"""By how much equal components of a unit vector may differ."""

_ROWS_AT_A_TIME = 4096


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
        arranged: vectors, float32, shape (n, d), with that number: by place, shape (n, rows, columns, d').
    """

    finest: int
    resolution: Callable[[int], int]
    smallest: Callable[[int], int]
    preprocessing: Preprocessing
    software: Callable[[], str]
    meaning: str
    arranged: Callable[[np.ndarray, int], np.ndarray]


BASELINES = {
    "pixels": Baseline(
        32,
        resolution=lambda side: max(16, side),
        smallest=lambda side: side,
        preprocessing=Preprocessing((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
        software=lambda: "",
        meaning="pixels along each side",
        arranged=lambda vectors, side: np.moveaxis(vectors.reshape(-1, 3, side, side), 1, -1),
    ),
    "hog": Baseline(
        8,
        resolution=lambda cells: 16 * cells,
        smallest=lambda cells: _SMALLEST_CELL * cells,
        preprocessing=Preprocessing((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
        software=lambda: f"scikit-image {version('scikit-image')}",
        meaning="cells along each side",
        arranged=lambda vectors, cells: vectors[:, :-1].reshape(-1, cells - 1, cells - 1, 4 * ORIENTATIONS),
    ),
}


class Baselines(ModelFamily):
    """Descriptors of the pixels themselves, to compare trained models with."""

    library = Library.BASELINE
    network_module = "runner.embed.families.baseline_network"

    def known_models(self, cache_dir: Path) -> Iterator[KnownModel]:
        for name in BASELINES:
            recipe = baseline_recipe(name, "")
            yield KnownModel(recipe.name, recipe.resolution, "needs no weights", True)

    def weights_size(self, recipe: ModelRecipe) -> int | None:
        return 0

    def smallest_size(self, architecture: Architecture) -> int | None:
        return architecture.smallest


def striped_rows(model: str, fineness: str, vectors: np.ndarray) -> np.ndarray:
    """The images that a baseline shows to be the same along all rows, or along all columns.

    Those of a single colour are among them: whatever stands out in their descriptors is what they were padded with.

    Args:
        model: of the vectors, a baseline or not.
        fineness: what follows the model's colon.
        vectors: unit length, float32, shape (n, d); a memory map will do.

    Returns:
        int64, shape (m,), ascending; no row for any model but a baseline.
    """
    if model not in BASELINES:
        return np.empty(0, dtype=np.int64)
    striped = [np.empty(0, dtype=bool)]
    for start in range(0, len(vectors), _ROWS_AT_A_TIME):
        block = np.asarray(vectors[start : start + _ROWS_AT_A_TIME])
        places = BASELINES[model].arranged(block, int(fineness or BASELINES[model].finest))
        along = [np.ptp(places, axis=axis).max(axis=(1, 2)) for axis in (1, 2)]
        striped.append(np.minimum(*along) <= _PRECISION)
    return np.flatnonzero(np.concatenate(striped))


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
