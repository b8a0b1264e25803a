"""Several folders, or a list of files, as one image set."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from runner.errors import RunnerError
from runner.images.folder import FolderScan, scan_folder
from runner.images.image_list import ListedFile, find_listed, read_image_list
from runner.images.image_set import ImageSet, SkippedImage
from runner.images.lookup import folder_labels
from runner.images.same_file import distinct_files
from runner.images.spellings import existing_spelling
from runner.utils.text_files import shown

_NAMED_AT_MOST = 3


@dataclass(frozen=True)
class FoundImages:
    """Images from wherever they were looked for.

    Attributes:
        scan: the images, and what can't be taken.
        name: short, for people.
        location: where they are, for people.
        note: what was left out as it is there twice; empty where nothing was.
        listed: the absolute names in a list, whether they are there or not; empty for folders.
    """

    scan: FolderScan
    name: str
    location: str
    note: str = ""
    listed: tuple[str, ...] = ()


def scan_folders(folders: Sequence[Path], *, labels: bool = False, follow_links: bool = False) -> FoundImages:
    """All images in some folders, as ``scan_folder`` finds them in each.

    With one folder, names are relative to it; with several, they begin with the folder's name, which gets a number
    where an earlier one has it. A folder that lies in another, or is given twice, is searched once.

    Raises:
        RunnerError: a folder is missing or holds no image.
    """
    kept, note = _not_nested([existing_spelling(folder.expanduser()) for folder in folders])
    location = ", ".join(map(str, kept))
    if len(kept) == 1:
        scan = scan_folder(kept[0], labels=labels, follow_links=follow_links)
        return FoundImages(scan, kept[0].resolve().name or "images", location, note)
    scans = {name: scan_folder(folder, follow_links=follow_links) for name, folder in named_folders(kept).items()}
    images = {f"{name}/{one}": path for name, scan in scans.items() for one, path in _files(scan.images)}
    ids = tuple(sorted(images))
    found = ImageSet(
        ids=ids,
        paths=tuple(images[one] for one in ids),
        roots={name: scan.images.root for name, scan in scans.items() if scan.images.root is not None},
        labels=folder_labels(ids) if labels else None,
    )
    skipped = [SkippedImage(f"{name}/{one.path}", one.reason) for name, scan in scans.items() for one in scan.skipped]
    name = _several([*scans], " + ")
    unread_kinds: Counter[str] = sum((Counter(scan.unread_kinds) for scan in scans.values()), Counter())
    return FoundImages(_scan(found, skipped, unread_kinds), name, location, note)


def scan_list(path: Path, *, labels: bool = False) -> FoundImages:
    """The images in a list, named relative to the folder that holds all of them.

    Raises:
        RunnerError: the list can't be read, or none of its files is there.
    """
    listed = read_image_list(path)
    files: dict[Path, None] = {}
    skipped: dict[str, str] = {}
    again = 0
    for name, found in find_listed(listed):
        if isinstance(found, ListedFile):
            again += found.path in files
            files[found.path] = None
        else:
            again += name in skipped
            skipped[name] = found
    if not files:
        name, reason = next(iter(skipped.items()))
        raise RunnerError(
            f"none of the {len(skipped):,} files in {listed.where} is there, such as {shown(repr(name))}, which "
            f"{reason}; relative names start from {listed.base}"
        )
    root = Path(os.path.commonpath([file.parent for file in files]))
    paths = {file.relative_to(root).as_posix(): file for file in files}
    ids = tuple(sorted(paths))
    images = ImageSet(
        ids=ids,
        paths=tuple(paths[one] for one in ids),
        root=root,
        labels=folder_labels(ids) if labels else None,
    )
    note = f"{again:,} names stand in the list again, and each file counts once" if again else ""
    missing = [SkippedImage(name.encode("utf-8", "backslashreplace").decode(), skipped[name]) for name in skipped]
    return FoundImages(_scan(images, missing), root.name or "images", listed.where, note, listed.absolute_names)


def named_folders(folders: Iterable[Path]) -> dict[str, Path]:
    """Folders by their names, ``-2`` and so on added to that of a folder whose name an earlier one has.

    >>> list(named_folders([Path("/a/photos"), Path("/b/photos"), Path("/photos-2"), Path("/")]))
    ['photos', 'photos-2', 'photos-2-2', 'images']
    """
    named: dict[str, Path] = {}
    for folder in folders:
        own = folder.resolve().name or "images"
        name, number = own, 1
        while name in named:
            number += 1
            name = f"{own}-{number}"
        named[name] = folder
    return named


def path_in(roots: Mapping[str, Path], image_id: str) -> Path:
    """The file of an image from several folders, by the folders' names; KeyError for a name that none has."""
    name, _, rest = image_id.partition("/")
    return roots[name] / rest


def _not_nested(folders: Sequence[Path]) -> tuple[list[Path], str]:
    """The folders that lie in no other, each once, and what is to be said of the others."""
    kept: list[Path] = []
    notes = []
    real = [folder.resolve() for folder in folders]
    for place, folder in enumerate(folders):
        outer = next((each for each in range(len(folders)) if real[each] in real[place].parents), None)
        if real[place] in real[:place]:
            notes.append(f"{folder} is given twice, and searched once")
        elif outer is not None:
            notes.append(f"{folder} lies in {folders[outer]}, and its images count once")
        else:
            kept.append(folder)
    return kept, "; ".join(notes)


def _files(images: ImageSet) -> Iterable[tuple[str, Path]]:
    return zip(images.names, images.name_paths, strict=True)


def _scan(
    images: ImageSet, skipped: Sequence[SkippedImage], unread_kinds: Mapping[str, int] = MappingProxyType({})
) -> FolderScan:
    skipped = sorted(skipped, key=lambda one: one.path)
    return FolderScan(distinct_files(images), tuple(skipped), dict(sorted(unread_kinds.items())))


def _several(names: Sequence[str], separator: str) -> str:
    more = len(names) - _NAMED_AT_MOST
    return separator.join(names[:_NAMED_AT_MOST]) + (f"{separator}{more} more" if more > 0 else "")
