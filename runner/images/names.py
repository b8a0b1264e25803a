"""What images are called: finding them by the names people write, and labels taken from folder names."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Sequence
from pathlib import PurePath

from runner.errors import RunnerError
from runner.images.image_set import ImageSet
from runner.images.same_file import FilesByIdentity


class ImageNames:
    """Rows of an image set by any of its images' names: ids, paths relative to the root, or paths in any spelling."""

    def __init__(self, images: ImageSet) -> None:
        self._row_by_id = dict(zip(images.names, images.name_rows.tolist(), strict=True))
        paths = map(os.fspath, images.name_paths)
        self._row_by_path = dict(zip(paths, images.name_rows.tolist(), strict=False))
        self._files = FilesByIdentity(images.paths)

    def find(self, name: str) -> int | None:
        """The row of the image called ``name``, or None.

        A relative name starts from the root of the images; where it means nothing there, from the working folder.
        """
        for image_id in (name, posixpath.normpath(name)):
            if image_id in self._row_by_id:
                return self._row_by_id[image_id]
        path = os.path.expanduser(name)  # noqa: PTH111 - Path raises for unknown users
        absolute = os.path.abspath(path)  # noqa: PTH100 - Path keeps `..`
        row = self._row_by_path.get(absolute)
        return self._files.find(path) if row is None else row


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
    root = images.root
    if root is None:  # a list or a dataset names each file by itself
        return
    for name, path in zip(images.names, images.name_paths, strict=False):
        if leads_out(name) and not PurePath(os.path.normpath(path)).is_relative_to(root):
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
        where = f"of {images.root}" if images.root else "given"
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
