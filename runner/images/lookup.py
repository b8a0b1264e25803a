"""What images are called: finding them by the names people write, and labels taken from folder names."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import PurePath

from runner.errors import RunnerError
from runner.images.image_set import ImageSet
from runner.images.same_file import FilesByIdentity
from runner.images.spellings import composed, is_possible, spellings


class ImageNames:
    """Rows of an image set by any of its images' names: ids, paths relative to the root, or paths in any spelling.

    A name that is no image as it is written is also understood with backslashes for slashes, without the spaces around
    it, and in another Unicode normalisation (typed text is usually composed, the names on a Mac's disk are not); in the
    last case unless two images have names that differ in that alone.
    """

    def __init__(self, images: ImageSet) -> None:
        rows = images.name_rows.tolist()
        self._row_by_id = dict(zip(images.names, rows, strict=True))
        self._row_by_path = dict(zip(map(os.fspath, images.name_paths), rows, strict=False))
        self._files = FilesByIdentity(images.paths)
        self._known: dict[str, int | None] = {}

    def find(self, name: str) -> int | None:
        """The row of the image called ``name``, or None.

        A relative name starts from the root of the images; where it means nothing there, from the working folder.
        """
        if name not in self._known:
            found = (self._find(spelling) for spelling in spellings(name) if is_possible(spelling))
            self._known[name] = next((row for row in found if row is not None), None)
        return self._known[name]

    def _find(self, name: str) -> int | None:
        ids = (name, posixpath.normpath(name))
        row = _first(self._row_by_id, ids)
        if row is not None:
            return row
        path = os.path.expanduser(name)  # noqa: PTH111 - Path raises for unknown users
        absolute = os.path.abspath(path)  # noqa: PTH100 - Path keeps `..`
        row = self._row_by_path.get(absolute)
        if row is None:
            row = self._files.find(path)
        if row is None and not name.isascii():
            row = _first(self._row_by_composed_id, map(composed, ids))
            if row is None:
                row = self._row_by_composed_path.get(composed(absolute))
        return row

    @cached_property
    def _row_by_composed_id(self) -> dict[str, int | None]:
        return _by_composed_name(self._row_by_id)

    @cached_property
    def _row_by_composed_path(self) -> dict[str, int | None]:
        return _by_composed_name(self._row_by_path)


def _first(rows: Mapping[str, int | None], names: Iterable[str]) -> int | None:
    """The row of the first of these names that has one."""
    return next((row for row in map(rows.get, names) if row is not None), None)


def _by_composed_name(rows: Mapping[str, int]) -> dict[str, int | None]:
    """The same by names in composed form; None where several have the same."""
    found: dict[str, int | None] = {}
    for name, row in rows.items():
        key = composed(name)
        found[key] = None if key in found else row
    return found


def leads_out(name: str) -> bool:
    """Whether a relative name may lead out of the folder that it starts from: it is absolute, or holds ``..``.

    >>> [leads_out(name) for name in ("a/b.jpg", "..b.jpg", "/b.jpg", "a/../../b.jpg")]
    [False, False, True, True]
    """
    path = PurePath(name)
    return bool(path.anchor) or ".." in path.parts


def require_names_within(images: ImageSet) -> None:
    """Refuse images of a folder of which one, by its name, lies elsewhere: the results that say so were tampered with.

    Raises:
        RunnerError: naming the first.
    """
    if not images.is_named:  # a list or a dataset names each file by itself
        return
    for name, path in zip(images.names, images.name_paths, strict=False):
        root = images.folder_of(name)
        if leads_out(name) and not (root and PurePath(os.path.normpath(path)).is_relative_to(root)):
            raise RunnerError(
                f"the name {name!r} leads out of the images' folder {root}, which no image of it can; "
                "the results were changed or are someone else's, run the experiment again"
            )


def resolve_targets(images: ImageSet, targets: Iterable[str | os.PathLike[str]]) -> tuple[str, ...]:
    """The ids of the images given as targets, in the order given, each once.

    Args:
        images: all images, before sampling.
        targets: paths relative to the root or to the working folder, absolute paths, or ids.

    Raises:
        RunnerError: a target is none of the images.
    """
    names = ImageNames(images)
    found: dict[str, None] = {}
    missing = []
    for target in targets:
        row = names.find(os.fspath(target))
        if row is None:
            missing.append(os.fspath(target))
        else:
            found[images.ids[row]] = None
    if missing:
        where = f"of {images.location}" if images.is_named else "given"
        raise RunnerError(
            f"not among the {len(images.names):,} images {where}: --target {', '.join(missing)}; "
            "name a readable image of the set by its relative or absolute path"
        )
    return tuple(found)


def folder_labels(ids: Sequence[str]) -> tuple[str | None, ...]:
    """The folder of each image as its label, e.g. ``animals/birds``; None for an image outside any folder.

    Ids that are absolute paths are taken relative to the deepest folder that holds them all.

    >>> folder_labels(["animals/birds/1.jpg", "animals/cow.png", "door.jpg"])
    ('animals/birds', 'animals', None)
    >>> folder_labels(["/data/animals/1.jpg", "/data/cars/1.jpg"])
    ('animals', 'cars')
    """
    folders = [posixpath.dirname(image_id) for image_id in ids]
    if folders and all(posixpath.isabs(folder) for folder in folders):
        common = posixpath.commonpath(folders)
        folders = [posixpath.relpath(folder, common) for folder in folders]
    folders = [posixpath.normpath(folder) if folder else "." for folder in folders]
    return tuple(None if folder == "." else folder for folder in folders)
