"""A folder as an image set."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from runner.errors import RunnerError
from runner.images.image_set import ImageSet, SkippedImage
from runner.images.kinds import KIND_BY_ENDING, OTHER_ENDINGS, ending_of, kind_of, read_head
from runner.images.left_out import unread_note
from runner.images.lookup import folder_labels
from runner.images.readable_kinds import READABLE, why_unreadable
from runner.images.same_file import distinct_files
from runner.utils.drives import require_reachable
from runner.utils.examine import FileIdentity, examine, identity_of, reason_of
from runner.utils.system_errors import BACK, GONE

RESULTS_MARKER = ".imagesweep.json"
"""A folder that holds this file holds results, whose sheets and plots are no images of the user's."""

MOST_NAMES_OF_A_FOLDER = 40
"""Where links lead to folders full of links to each other, a folder could have more names than there is time for."""

_SYSTEM_FOLDERS = frozenset(("__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information"))
"""Folders that systems put beside people's files, with thumbnails and the like in them."""

_TAKEN_UNOPENED = frozenset(ending for ending, kind in KIND_BY_ENDING.items() if why_unreadable(kind) is None)
_ENDING = re.compile(r"\.[a-z0-9_+-]{1,12}")
_LEADS_NOWHERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


@dataclass(frozen=True)
class FolderScan:
    """What a folder holds.

    Attributes:
        images: the images, sorted by id; a file with several names is one image.
        skipped: pictures that can't be taken and what can't be looked at, sorted by path.
        unread_kinds: how many files are no pictures, by their ending, or else by what they are; sorted by it.
    """

    images: ImageSet
    skipped: tuple[SkippedImage, ...]
    unread_kinds: Mapping[str, int]


def scan_folder(root: Path, *, labels: bool = False, follow_links: bool = False) -> FolderScan:
    """Find all images in a folder and its sub-folders, in an order that does not depend on the file system.

    Files with an image's ending are taken unopened, those with the ending of another known kind are left out unopened;
    of all others the first bytes decide. Hidden files and folders are passed over, as are those that systems make
    (``__MACOSX`` …) and the results folders of experiments below ``root``. A link to a file stands for that file,
    wherever it is.

    Args:
        root: the folder.
        labels: whether each image's folder is its reference label; images directly in ``root`` have none.
        follow_links: whether links to folders are followed as well, but for those that lead in a circle.

    Raises:
        RunnerError: ``root`` is missing, is not a folder, holds no image, or its drive is gone.
    """
    walk = _Walk(_existing_folder(root), follow_links)
    walk.run()
    if walk.skipped:
        require_reachable([walk.root])
    if not walk.ids:
        raise RunnerError(_nothing_found(root, walk))
    ids = tuple(sorted(walk.ids))
    images = ImageSet(
        ids=ids,
        paths=tuple(walk.root / image_id for image_id in ids),
        root=walk.root,
        labels=folder_labels(ids) if labels else None,
    )
    skipped = tuple(sorted(walk.skipped, key=lambda skipped: skipped.path))
    return FolderScan(distinct_files(images), skipped, dict(sorted(walk.unread_kinds.items())))


def _existing_folder(root: Path) -> Path:
    """``root`` without links, so that paths below it have one spelling."""
    folder = root.expanduser()
    status = examine(folder)
    if isinstance(status, OSError):
        remedy = BACK if status.errno in GONE else "check its name"
        raise RunnerError(f"the folder of images {root} can't be opened ({reason_of(status)}); {remedy}")
    if not stat.S_ISDIR(status.st_mode):
        raise RunnerError(f"{root} is a file, not a folder; give the folder that holds the images")
    folder = folder.resolve()
    if not _is_unicode(str(folder)):
        raise RunnerError(f"the name of the folder {_printable(str(folder))} is not valid UTF-8; rename it")
    return folder


def _nothing_found(root: Path, walk: _Walk) -> str:
    parts = [unread_note(walk.unread_kinds)] if walk.unread_kinds else []
    if walk.skipped:
        first = walk.skipped[0]
        parts.append(f"{len(walk.skipped):,} had to be skipped, such as {first.path}, which {first.reason}")
    holds = "; ".join(parts) or "it is empty, or all in it is hidden"
    return f"no image in {root}: {holds}; supported are {READABLE}"


@dataclass(frozen=True)
class _Folder:
    """A folder to look into.

    Attributes:
        path: the name under which it was found.
        above: what tells the folders that hold it, itself included; known only where links to folders are followed.
        linked: whether a link leads there, so that it may be found under other names as well.
    """

    path: Path
    above: frozenset[FileIdentity]
    linked: bool


@dataclass
class _Walk:
    """One pass over a folder, collecting as it goes."""

    root: Path
    follow_links: bool
    ids: list[str] = field(default_factory=list)
    skipped: list[SkippedImage] = field(default_factory=list)
    unread_kinds: Counter[str] = field(default_factory=Counter)
    _visits: Counter[FileIdentity] = field(default_factory=Counter)
    _pending: list[_Folder] = field(default_factory=list)

    def run(self) -> None:
        """Collect everything below the root; no recursion, since folders may be nested deep."""
        self._enter(_Folder(self.root, frozenset(), linked=False))
        while self._pending:
            folder = self._pending.pop()
            try:
                with os.scandir(folder.path) as entries:
                    everything = sorted(entries, key=lambda entry: entry.name)
            except OSError as error:
                self._skip(folder.path, f"is a folder that can't be read: {reason_of(error)}")
                continue
            if folder.path != self.root and any(entry.name == RESULTS_MARKER for entry in everything):
                continue
            for entry in everything:
                if not entry.name.startswith("."):
                    self._take(folder, entry)

    def _take(self, folder: _Folder, entry: os.DirEntry[str]) -> None:
        path = Path(entry.path)
        try:
            is_link, is_folder = entry.is_symlink(), entry.is_dir(follow_symlinks=False)
            is_file = entry.is_file(follow_symlinks=False)
        except OSError as error:  # of file systems that must be asked for each
            self._skip(path, f"can't be looked at: {reason_of(error)}")
            return
        if is_link:
            status = examine(path)
            if isinstance(status, OSError):
                nowhere = status.errno in _LEADS_NOWHERE
                self._skip(path, "is a link that leads nowhere" if nowhere else f"is a link: {reason_of(status)}")
                return
            is_folder, is_file = stat.S_ISDIR(status.st_mode), stat.S_ISREG(status.st_mode)
        if is_folder and entry.name not in _SYSTEM_FOLDERS:
            if is_link and not self.follow_links:
                self._pass_by(path)
            else:
                self._enter(_Folder(path, folder.above, folder.linked or is_link))
        elif not is_folder:
            self._take_file(path, is_file)

    def _enter(self, folder: _Folder) -> None:
        """Have a folder looked into; where links to folders are followed, not if it lies in itself by now."""
        identity = identity_of(folder.path) if self.follow_links else None
        if identity is None:
            self._pending.append(folder)
        elif identity in folder.above:
            self._skip(folder.path, "is a folder that holds itself by way of a link; the circle is not followed")
        elif folder.linked and self._visits[identity] == MOST_NAMES_OF_A_FOLDER:
            self._skip(folder.path, f"is a folder that links gave {MOST_NAMES_OF_A_FOLDER} names already")
        else:
            self._visits[identity] += folder.linked
            self._pending.append(replace(folder, above=folder.above | {identity}))

    def _pass_by(self, link: Path) -> None:
        """Say that a link to a folder is not followed, unless its images are found in their own place."""
        if not Path(os.path.realpath(link)).is_relative_to(self.root):
            self._skip(link, "is a link to a folder, and such links are followed with --follow-links only")

    def _take_file(self, path: Path, is_regular: bool) -> None:
        ending = ending_of(path.name)
        if ending in OTHER_ENDINGS:
            self.unread_kinds[ending] += 1
            return
        kind = KIND_BY_ENDING.get(ending)
        if not is_regular:
            if kind is None:
                self.unread_kinds[_name_of_ending(ending) or "special file"] += 1
            else:
                self._skip(path, "is not a regular file")
            return
        if ending not in _TAKEN_UNOPENED:
            try:
                kind = kind_of(read_head(path), path.name)
            except OSError as error:
                self._skip(path, f"can't be opened: {reason_of(error)}")
                return
        if kind is None or not kind.is_picture:
            self.unread_kinds[_name_of_ending(ending) or kind or "unknown"] += 1
            return
        reason = why_unreadable(kind)
        if reason is None and not _is_unicode(str(path)):
            reason = "has a name that is not valid UTF-8; rename it"
        if reason is None:
            self.ids.append(path.relative_to(self.root).as_posix())
        else:
            self._skip(path, reason)

    def _skip(self, path: Path, reason: str) -> None:
        self.skipped.append(SkippedImage(_printable(path.relative_to(self.root).as_posix()), reason))


def _name_of_ending(ending: str) -> str:
    """An ending as a kind's name; empty for what only looks like one, as in ``minutes.2024 final``."""
    return ending if _ENDING.fullmatch(ending) else ""


def _is_unicode(name: str) -> bool:
    """False for a name whose bytes could not be decoded: Python stands in surrogates, which no JSON writer takes."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _printable(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode()
