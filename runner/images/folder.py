"""A folder as an image set."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from runner.errors import RunnerError
from runner.images.image_set import ImageSet, SkippedImage
from runner.images.names import folder_labels

IMAGE_SUFFIXES = frozenset((".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".tif", ".tiff", ".webp", ".gif"))
"""Endings of the files taken for images, in lower case; files may have them in any case."""

RESULTS_MARKER = ".imagesweep.json"
"""A folder that holds this file holds results, whose sheets and plots are no images of the user's."""

_FORMAT_NAMES = "JPEG, PNG, BMP, TIFF, WebP and GIF"
_SYSTEM_FOLDERS = frozenset(("__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information"))
"""Folders that systems put beside people's files, with thumbnails and the like in them."""


@dataclass(frozen=True)
class FolderScan:
    """What a folder holds.

    Attributes:
        images: the images, sorted by id.
        skipped: what looks like an image but can't be taken, sorted by path.
    """

    images: ImageSet
    skipped: tuple[SkippedImage, ...]


def scan_folder(root: Path, *, labels: bool = False) -> FolderScan:
    """Find all images in a folder and its sub-folders, in an order that does not depend on the file system.

    Files are taken by their ending and not opened. Hidden files and folders are passed over, as are those that
    systems make (``__MACOSX`` …) and the results folders of experiments below ``root``. A link to a file counts as an
    image where it stays inside ``root``; a link to a folder is never followed: inside, its images are found in their
    own place, and outside is out of bounds.

    Args:
        root: the folder.
        labels: whether each image's folder is its reference label; images directly in ``root`` have none.

    Raises:
        RunnerError: ``root`` is missing, is not a folder, or holds no image.
    """
    walk = _Walk(_existing_folder(root))
    walk.run()
    if not walk.ids:
        raise RunnerError(_nothing_found(root, walk))
    ids = tuple(sorted(walk.ids))
    images = ImageSet(
        ids=ids,
        paths=tuple(walk.root / image_id for image_id in ids),
        root=walk.root,
        labels=folder_labels(ids) if labels else None,
    )
    return FolderScan(images, tuple(sorted(walk.skipped, key=lambda skipped: skipped.path)))


def _existing_folder(root: Path) -> Path:
    """``root`` without links, so that paths below it have one spelling."""
    folder = root.expanduser()
    try:
        is_folder = stat.S_ISDIR(folder.stat().st_mode)
    except OSError as error:
        raise RunnerError(
            f"the folder of images {root} can't be opened ({error.strerror or error}); check its name"
        ) from error
    if not is_folder:
        raise RunnerError(f"{root} is a file, not a folder; give the folder that holds the images")
    folder = folder.resolve()
    if not _is_unicode(str(folder)):
        raise RunnerError(f"the name of the folder {_printable(str(folder))} is not valid UTF-8; rename it")
    return folder


def _nothing_found(root: Path, walk: _Walk) -> str:
    holds = f"{walk.other_files} other file{'' if walk.other_files == 1 else 's'}"
    if walk.skipped:
        first = walk.skipped[0]
        holds += f" and {len(walk.skipped)} that had to be skipped, such as {first.path}, which {first.reason}"
    return (
        f"no image in {root}, which holds {holds}; supported are {_FORMAT_NAMES} ({' '.join(sorted(IMAGE_SUFFIXES))})"
    )


class _Walk:
    """One pass over a folder, collecting as it goes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.ids: list[str] = []
        self.skipped: list[SkippedImage] = []
        self.other_files = 0

    def run(self) -> None:
        """Collect everything below the root; no recursion, since folders may be nested deep."""
        pending = [self.root]
        while pending:
            current = pending.pop()
            try:
                with os.scandir(current) as entries:
                    everything = list(entries)
            except OSError as error:
                self._skip(current, f"is a folder that cannot be read: {error.strerror or error}")
                continue
            if current != self.root and any(entry.name == RESULTS_MARKER for entry in everything):
                continue
            for entry in everything:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    if entry.name not in _SYSTEM_FOLDERS:
                        pending.append(Path(entry.path))
                else:
                    self._take(entry)

    def _take(self, entry: os.DirEntry[str]) -> None:
        path = Path(entry.path)
        is_link = entry.is_symlink()
        if is_link and path.is_dir():
            if not self._holds(path):
                self._skip(path, "is a link to a folder outside the folder of images; such links are not followed")
            return
        if path.suffix.lower() not in IMAGE_SUFFIXES:
            self.other_files += 1
            return
        if is_link and not path.exists():
            self._skip(path, "is a link that leads nowhere")
        elif is_link and not self._holds(path):
            self._skip(path, "is a link to a file outside the folder of images; such links are not followed")
        elif not path.is_file():
            self._skip(path, "is not a regular file")
        elif not _is_unicode(entry.path):
            self._skip(path, "has a name that is not valid UTF-8; rename it")
        else:
            self.ids.append(path.relative_to(self.root).as_posix())

    def _holds(self, path: Path) -> bool:
        return path.resolve().is_relative_to(self.root)

    def _skip(self, path: Path, reason: str) -> None:
        self.skipped.append(SkippedImage(_printable(path.relative_to(self.root).as_posix()), reason))


def _is_unicode(name: str) -> bool:
    """False for a name whose bytes could not be decoded: Python stands in surrogates, which no JSON writer takes."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _printable(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode()
