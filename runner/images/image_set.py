"""The common currency for "some images": ids, files and, where known, labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class SkippedImage:
    """An image that could not be used.

    Attributes:
        path: what the results call it: the path relative to the root, or the sample id.
        reason: one sentence saying what is wrong with it.
    """

    path: str
    reason: str


@dataclass(frozen=True)
class FurtherName:
    """Another name of an image's file: a link, a hard link, a second sample that shows it.

    Attributes:
        id: as for ``ImageSet.ids``.
        path: its absolute path, with which links are not followed; None where only embeddings are known.
    """

    id: str
    path: Path | None


@dataclass(frozen=True)
class ImageSet:
    """Images in a fixed order; row ``i`` of every matrix and label array belongs to ``ids[i]``.

    An image is a file. One that has several names is there once, so that nothing counts it twice; results have a line
    for each of its ``names``.

    Attributes:
        ids: unique names that results use: the POSIX path relative to ``root``, or a FiftyOne
            sample id.
        paths: absolute path of each image's file; empty where only embeddings are known.
        root: the folder that relative ids start from, or None.
        roots: where there are several such folders, each by the name that begins the ids of its images.
        labels: reference label of each image, None where an image has none; None where no
            labels were asked for.
        further: the other names of each image's file; empty where no file has any.
    """

    ids: tuple[str, ...]
    paths: tuple[Path, ...]
    root: Path | None = None
    labels: tuple[str | None, ...] | None = None
    further: tuple[tuple[FurtherName, ...], ...] = ()
    roots: Mapping[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(set(self.names)) != len(self.names):
            raise ValueError("image ids must be unique")
        if self.paths and len(self.paths) != len(self.ids):
            raise ValueError(f"{len(self.ids)} ids but {len(self.paths)} paths")
        if self.labels is not None and len(self.labels) != len(self.ids):
            raise ValueError(f"{len(self.ids)} ids but {len(self.labels)} labels")
        if self.further and len(self.further) != len(self.ids):
            raise ValueError(f"{len(self.ids)} ids but further names of {len(self.further)}")

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """All names of all images: each image's id, and right after it its further names."""
        if not self.further:
            return self.ids
        return tuple(name for one, more in zip(self.ids, self.further, strict=True) for name in (one, *_ids(more)))

    @cached_property
    def name_rows(self) -> np.ndarray:
        """The row of each of ``names``, int64, ascending: what is known by row is known by name as ``x[name_rows]``."""
        counts = [1 + len(more) for more in self.further] or 1
        return np.repeat(np.arange(len(self.ids)), counts)

    @property
    def name_paths(self) -> tuple[Path, ...]:
        """The path of each of ``names``; empty where only embeddings are known."""
        return tuple(path for row in range(len(self.paths)) for path in self.paths_of(row))

    def by_name(self) -> ImageSet:
        """The same images with a row for each of their names."""
        if not self.further:
            return self
        labels = None if self.labels is None else tuple(self.labels[row] for row in self.name_rows)
        return ImageSet(self.names, self.name_paths, self.root, labels, roots=self.roots)

    @property
    def same_file(self) -> list[list[str]]:
        """The names of each image that has several."""
        return [[one, *_ids(more)] for one, more in zip(self.ids, self.further, strict=False) if more]

    def names_of(self, row: int) -> list[str]:
        """All names of one image, its id first."""
        return [self.ids[row], *_ids(self.further[row] if self.further else ())]

    def paths_of(self, row: int) -> list[Path]:
        """The path of each of an image's names; empty where no files are known."""
        if not self.paths:
            return []
        further = self.further[row] if self.further else ()
        return [self.paths[row], *(name.path for name in further if name.path is not None)]

    @property
    def is_named(self) -> bool:
        """Whether ids are names of files that people know, and no sample ids or numbers of rows."""
        return self.root is not None or bool(self.roots)

    def folder_of(self, name: str) -> Path | None:
        """The folder that an image was found in, or None."""
        return self.roots.get(name.partition("/")[0]) if self.roots else self.root

    @property
    def location(self) -> str:
        """The folder or folders of the images, for people; empty where none is known."""
        return str(self.root) if self.root is not None else ", ".join(map(str, self.roots.values()))

    @property
    def titles(self) -> tuple[str, ...]:
        """What people know each image by: its id, or the name of its file where the ids are a dataset's."""
        return tuple(path.name for path in self.paths) if not self.is_named and self.paths else self.ids

    def located(self, skipped: Iterable[SkippedImage]) -> list[SkippedImage]:
        """``skipped`` with the file of each image of this set in the reason, where its id does not tell that."""
        if self.is_named:
            return list(skipped)
        files = {name: str(path) for name, path in zip(self.names, self.name_paths, strict=False)}
        return [
            SkippedImage(one.path, f"{one.reason} ({files[one.path]})")
            if files.get(one.path, one.path) != one.path
            else one
            for one in skipped
        ]

    def rows_of(self, ids: Iterable[str]) -> list[int]:
        """The row of each of these images, under any of its names; KeyError for one that is not in the set."""
        row_of = dict(zip(self.names, self.name_rows.tolist(), strict=True))
        return [row_of[image_id] for image_id in ids]

    def rows_present(self, ids: Iterable[str]) -> list[int]:
        """The rows of those of these images that are in the set under any of their names, ascending."""
        wanted = set(ids)
        return sorted({row for name, row in zip(self.names, self.name_rows.tolist(), strict=True) if name in wanted})

    def subset(self, indices: Sequence[int]) -> ImageSet:
        """The images at ``indices``, in that order."""
        return replace(
            self,
            ids=tuple(self.ids[i] for i in indices),
            paths=tuple(self.paths[i] for i in indices) if self.paths else (),
            labels=None if self.labels is None else tuple(self.labels[i] for i in indices),
            further=tuple(self.further[i] for i in indices) if self.further else (),
        )


def _ids(further: Iterable[FurtherName]) -> list[str]:
    return [name.id for name in further]
