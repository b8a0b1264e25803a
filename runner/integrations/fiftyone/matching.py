"""Which samples of a dataset the rows of an experiment's results are about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from runner.errors import RunnerError
from runner.images.same_file import FilesByIdentity
from runner.images.spellings import SpellingsOnDisk
from runner.integrations.fiftyone.connection import database_errors
from runner.results.summary import ImagesRecord

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


def match_samples(dataset: Dataset, out: Path, images: Sequence[str], record: ImagesRecord) -> MatchedSamples:
    """Find the samples that results are about: by sample id, or by file where the images came from a folder.

    A file is the same however the path to it is spelt.

    Args:
        dataset: where to look.
        out: the results folder, for the error.
        images: names of the images in the results.
        record: which says whether these are names of files, and of which, or sample ids.

    Raises:
        RunnerError: not a single one is in the dataset.
    """
    with database_errors():
        ids, files = dataset.values(["id", "filepath"])
    if record.root is None and not record.roots:
        row_of = {image: row for row, image in enumerate(images)}
        rows_found = [row_of.get(one) for one in ids]
    else:
        paths = [str(record.file_of(image)) for image in images]
        row_of, by_identity = {path: row for row, path in enumerate(paths)}, FilesByIdentity(paths)
        on_disk = SpellingsOnDisk()
        rows_found = [row_of[file] if file in row_of else by_identity.find(on_disk.find(Path(file))) for file in files]
    found = [(one, row) for one, row in zip(ids, rows_found, strict=True) if row is not None]
    if not found:
        raise RunnerError(
            f"none of the {len(images)} images in {out} is a sample of the dataset {dataset.name!r}; "
            "choose the dataset that the experiment was made from"
        )
    rows = np.array([row for _, row in found], dtype=np.int64)
    return MatchedSamples(tuple(one for one, _ in found), rows, len(images) - len(np.unique(rows)))
