"""The common currency for "some images": ids, files and, where known, labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path


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
class ImageSet:
    """Images in a fixed order; row ``i`` of every matrix and label array belongs to ``ids[i]``.

    Attributes:
        ids: unique names that results use: the POSIX path relative to ``root``, or a FiftyOne
            sample id.
        paths: absolute path of each image's file; empty where only embeddings are known.
        root: the folder that relative ids start from, or None.
        labels: reference label of each image, None where an image has none; None where no
            labels were asked for.
    """

    ids: tuple[str, ...]
    paths: tuple[Path, ...]
    root: Path | None = None
    labels: tuple[str | None, ...] | None = None

    def __post_init__(self) -> None:
        if len(set(self.ids)) != len(self.ids):
            raise ValueError("image ids must be unique")
        if self.paths and len(self.paths) != len(self.ids):
            raise ValueError(f"{len(self.ids)} ids but {len(self.paths)} paths")
        if self.labels is not None and len(self.labels) != len(self.ids):
            raise ValueError(f"{len(self.ids)} ids but {len(self.labels)} labels")

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def titles(self) -> tuple[str, ...]:
        """What people know each image by: its id, or the name of its file where the ids are a dataset's."""
        return tuple(path.name for path in self.paths) if self.root is None and self.paths else self.ids

    def located(self, skipped: Iterable[SkippedImage]) -> list[SkippedImage]:
        """``skipped`` with the file of each image of this set in the reason, where its id does not tell that."""
        if self.root is not None:
            return list(skipped)
        files = {one: str(path) for one, path in zip(self.ids, self.paths, strict=False)}
        return [
            SkippedImage(one.path, f"{one.reason} ({files[one.path]})")
            if files.get(one.path, one.path) != one.path
            else one
            for one in skipped
        ]

    def rows_of(self, ids: Iterable[str]) -> list[int]:
        """The row of each of these images; KeyError for one that is not in the set."""
        row_of = {image_id: row for row, image_id in enumerate(self.ids)}
        return [row_of[image_id] for image_id in ids]

    def rows_present(self, ids: Iterable[str]) -> list[int]:
        """The rows of those of these images that are in the set, ascending."""
        wanted = set(ids)
        return [row for row, image_id in enumerate(self.ids) if image_id in wanted]

    def subset(self, indices: Sequence[int]) -> ImageSet:
        """The images at ``indices``, in that order."""
        return replace(
            self,
            ids=tuple(self.ids[i] for i in indices),
            paths=tuple(self.paths[i] for i in indices) if self.paths else (),
            labels=None if self.labels is None else tuple(self.labels[i] for i in indices),
        )
