"""Which samples of a dataset the rows of an experiment's results are about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from runner.errors import RunnerError
from runner.fields.connection import database_errors

if TYPE_CHECKING:
    from fiftyone import Dataset


@dataclass(frozen=True)
class MatchedSamples:
    """Samples and the rows of the results that belong to them.

    Attributes:
        ids: sample ids.
        rows: int64, shape (len(ids),).
        n_deleted: rows without a sample.
    """

    ids: tuple[str, ...]
    rows: np.ndarray
    n_deleted: int

    def __len__(self) -> int:
        return len(self.ids)


def match_samples(dataset: Dataset, out: Path, images: Sequence[str], root: str | None) -> MatchedSamples:
    """Find the samples that results are about: by sample id, or by file where the images came from a folder.

    Args:
        dataset: where to look.
        out: the results folder, for the error.
        images: names of the images in the results.
        root: the folder that these names start from; None for sample ids.

    Raises:
        RunnerError: not a single one is in the dataset.
    """
    with database_errors():
        ids, files = dataset.values(["id", "filepath"])
    if root is None:
        row_of = {image: row for row, image in enumerate(images)}
        found = [(one, row_of[one]) for one in ids if one in row_of]
    else:
        samples = defaultdict(list)
        for one, file in zip(ids, files, strict=True):
            samples[file].append(one)
        found = [(one, row) for row, image in enumerate(images) for one in samples[str(Path(root) / image)]]
    if not found:
        raise RunnerError(
            f"none of the {len(images)} images in {out} is a sample of the dataset {dataset.name!r}; "
            "choose the dataset that the experiment was made from"
        )
    rows = np.array([row for _, row in found], dtype=np.int64)
    return MatchedSamples(tuple(one for one, _ in found), rows, len(images) - len(np.unique(rows)))
