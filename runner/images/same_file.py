"""Several names of one file, links and hard links among them: one image that has further names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property

from runner.images.image_set import FurtherName, ImageSet
from runner.utils.examine import AnyPath, FileIdentity, identity_of


class FilesByIdentity:
    """Finds a file among others by what it is, however its path is spelt: through links, another mount, hard links."""

    def __init__(self, paths: Sequence[AnyPath]) -> None:
        self._paths = paths

    def find(self, path: AnyPath) -> int | None:
        """The number of the first of the paths that leads to the file at ``path``; None where none does."""
        identity = identity_of(path)
        return None if identity is None else self._number_of.get(identity)

    @cached_property
    def _number_of(self) -> dict[FileIdentity, int]:
        numbers: dict[FileIdentity, int] = {}
        for number, path in enumerate(self._paths):
            identity = identity_of(path)
            if identity is not None:
                numbers.setdefault(identity, number)
        return numbers


def distinct_files(images: ImageSet) -> ImageSet:
    """The same images with one row per file, told by device and inode; the file's other names are its further names.

    Copies, which are other files with the same bytes, stay images of their own.

    Args:
        images: one row per name; where no files are known, nothing changes.
    """
    groups: dict[FileIdentity, list[str]] = {}
    for image_id, path in zip(images.ids, images.paths, strict=False):
        identity = identity_of(path)
        if identity is not None:
            groups.setdefault(identity, []).append(image_id)
    return with_names_joined(images, groups.values())


def with_names_joined(images: ImageSet, groups: Iterable[Sequence[str]]) -> ImageSet:
    """One row in place of several that are names of one file.

    Args:
        images: one row per name.
        groups: ids of the names of each file; the first in the order of ``images`` is the one that its row is called
            by. A reference label on which the names of a file differ is none.
    """
    row_of = {image_id: row for row, image_id in enumerate(images.ids)}
    joined = {rows[0]: rows[1:] for group in groups if (rows := sorted(row_of[one] for one in group))[1:]}
    if not joined:
        return images
    others = {row for rows in joined.values() for row in rows}
    kept = [row for row in range(len(images)) if row not in others]

    def name(row: int) -> FurtherName:
        return FurtherName(images.ids[row], images.paths[row] if images.paths else None)

    further = tuple(tuple(map(name, joined.get(row, ()))) for row in kept)
    labels = images.labels
    if labels is not None:
        labels = tuple(
            labels[row] if all(labels[other] == labels[row] for other in joined.get(row, ())) else None for row in kept
        )
    return replace(images.subset(kept), labels=labels, further=further)
