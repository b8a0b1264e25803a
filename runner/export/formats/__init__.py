"""The formats of an export; a new one is a function and a line here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from runner.export.config import Format
from runner.export.data import ExportData, ExportedImage, targets_by_cluster, targets_in_one_folder
from runner.export.formats.datasets import targets_for_hugging_face, write_coco, write_fiftyone, write_huggingface
from runner.export.formats.embeddings import write_npy, write_parquet
from runner.export.formats.lists import write_cluster_json, write_csv

Targets = Callable[[Sequence[ExportedImage], bool], list[str]]
"""Places for images, by whether their ids are names of files."""

Write = Callable[[ExportData, Path], None]


@dataclass(frozen=True)
class FormatWriter:
    """How a format is written.

    Attributes:
        targets: gives the images their places; None where the format only names them.
        write: writes the format's own files into a folder; None where it has none.
    """

    targets: Targets | None
    write: Write | None


_DATA = partial(targets_in_one_folder, "data")

WRITERS: dict[Format, FormatWriter] = {
    Format.FOLDERS: FormatWriter(targets_by_cluster, None),
    Format.CSV: FormatWriter(None, write_csv),
    Format.JSON: FormatWriter(None, write_cluster_json),
    Format.COCO: FormatWriter(_DATA, write_coco),
    Format.FIFTYONE: FormatWriter(_DATA, write_fiftyone),
    Format.HUGGINGFACE: FormatWriter(targets_for_hugging_face, write_huggingface),
    Format.NPY: FormatWriter(None, write_npy),
    Format.PARQUET: FormatWriter(None, write_parquet),
}
