"""What is exported, as the writers of all formats see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import numpy as np

from runner.experiment.results import FinishedExperiment
from runner.export.file_names import file_names
from runner.export.selection import ExportedCluster
from runner.results.summary import TrialRecord


@dataclass(frozen=True)
class ExportedImage:
    """An image of the export.

    Attributes:
        row: of the experiment's images.
        id: its name in the results.
        path: its file; None where the experiment has no files.
        cluster: number of its cluster, -1 for noise.
        name: of its cluster's folder.
        target: its place relative to the export's folder; empty for formats that only name images.
    """

    row: int
    id: str
    path: Path | None
    cluster: int
    name: str
    target: str = ""


@dataclass(frozen=True)
class ExportData:
    """Everything a writer may need."""

    finished: FinishedExperiment
    trial: TrialRecord
    clusters: Sequence[ExportedCluster]
    images: Sequence[ExportedImage]


def exported_images(
    finished: FinishedExperiment, clusters: Sequence[ExportedCluster], labels: np.ndarray
) -> list[ExportedImage]:
    """The images of the clusters under all their names, cluster by cluster, not yet placed."""
    images = finished.images
    return [
        ExportedImage(row, name, path, int(labels[row]), cluster.name)
        for cluster in clusters
        for row in cluster.rows
        for name, path in zip_longest(images.names_of(row), images.paths_of(row))
    ]


def name_of_file(image: ExportedImage, is_named: bool) -> str:
    """The path that an image's name in the export is made from: its id, or for a sample its file's path."""
    if is_named or image.path is None:
        return image.id
    return image.path.as_posix()


def targets_by_cluster(images: Sequence[ExportedImage], is_named: bool) -> list[str]:
    """A place for each image in a folder of its cluster."""
    groups: dict[str, list[int]] = {}
    for place, image in enumerate(images):
        groups.setdefault(image.name, []).append(place)
    targets = [""] * len(images)
    for name, places in groups.items():
        for place, file in zip(
            places, file_names([name_of_file(images[each], is_named) for each in places]), strict=True
        ):
            targets[place] = f"{name}/{file}"
    return targets


def targets_in_one_folder(folder: str, images: Sequence[ExportedImage], is_named: bool) -> list[str]:
    """A place for each image in one folder, with names that differ in more than their suffix."""
    names = file_names([name_of_file(image, is_named) for image in images], by_stem=True)
    return [f"{folder}/{name}" for name in names]
