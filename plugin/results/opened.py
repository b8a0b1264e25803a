"""A finished experiment with the files of its samples, opened once and kept while neither has changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runner.cluster.graph.threshold_curve import ThresholdCurve
    from runner.duplicates.groups import DuplicateGroup
    from runner.duplicates.links import Links
    from runner.experiment.results import FinishedExperiment
    from runner.images.image_set import ImageSet

GONE = Path("/deleted samples")
"""Folder of the files of samples that are no longer there."""

_STAMP_FILE = "summary.json"


def open_finished(dataset: Any, out: Path) -> FinishedExperiment:
    """The experiment in ``out``, made from this dataset; samples that were deleted since have a file that is not there.

    Raises:
        RunnerError: its results are damaged.
    """
    return _open(dataset.name, out, _stamp(dataset, out))


def links_and_curve(dataset: Any, out: Path, method: str, embedding: str | None) -> tuple[Links, ThresholdCurve]:
    """How alike the images are, and what every threshold gives.

    Raises:
        RunnerError: as ``open_finished``.
    """
    return _links(dataset.name, out, method, embedding, _stamp(dataset, out))


def present_groups(links: Links, groups: Sequence[DuplicateGroup]) -> list[DuplicateGroup]:
    """The groups without samples that were deleted since, if two or more are left."""
    paths = links.images.paths
    left = [
        replace(group, members=tuple(member for member in group.members if paths[member.row].parent != GONE))
        for group in groups
    ]
    return [group for group in left if len(group.members) > 1]


def _stamp(dataset: Any, out: Path) -> tuple[int, str]:
    path = out / _STAMP_FILE
    return path.stat().st_mtime_ns if path.exists() else 0, f"{dataset.last_modified_at}"


@lru_cache(maxsize=4)
def _open(name: str, out: Path, stamp: tuple[int, str]) -> FinishedExperiment:
    from runner.experiment.results import open_experiment
    from runner.images.image_set import ImageSet
    from runner.images.source import SourceWishes
    from runner.integrations.fiftyone.dataset_source import open_dataset
    from runner.results.files import read_paths

    present = open_dataset(name, SourceWishes()).images
    files = dict(zip(present.names, present.name_paths, strict=True))
    ids = read_paths(out)
    finished = open_experiment(out, ImageSet(ids, tuple(files.get(one, GONE / one) for one in ids)))
    return replace(finished, images=_without_deleted_names(finished.images))


def _without_deleted_names(images: ImageSet) -> ImageSet:
    """Of an image that several samples show, only those that are still there, if any is."""
    from runner.images.image_set import FurtherName

    if not images.further:
        return images
    left = []
    for row in range(len(images)):
        names = list(zip(images.names_of(row), images.paths_of(row), strict=True))
        left.append([name for name in names if name[1].parent != GONE] or names[:1])
    return replace(
        images,
        ids=tuple(names[0][0] for names in left),
        paths=tuple(names[0][1] for names in left),
        further=tuple(tuple(FurtherName(*name) for name in names[1:]) for names in left),
    )


@lru_cache(maxsize=8)
def _links(
    name: str, out: Path, method: str, embedding: str | None, stamp: tuple[int, str]
) -> tuple[Links, ThresholdCurve]:
    from runner.cluster.graph.threshold_curve import threshold_curve
    from runner.duplicates.config import DuplicatesConfig
    from runner.experiment.duplicates import link_images

    config = DuplicatesConfig.model_validate({"results": out, "embedding": embedding, "method": method})
    links = link_images(config, _open(name, out, stamp))
    return links, threshold_curve(links.tree)
