"""An image set with the content hash of every file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runner.images.content_hash import ContentHashes
from runner.images.image_set import ImageSet
from runner.images.stat_table import FileStamp
from runner.utils.drives import require_reachable


@dataclass(frozen=True)
class HashedFile:
    """One file with some content.

    Attributes:
        path: where it is.
        stamp: what the file system said of it before it was hashed; None if it said nothing.
    """

    path: Path
    stamp: FileStamp | None

    def is_unchanged(self) -> bool:
        """Whether the file is still the one that was hashed, as far as the file system tells."""
        return self.stamp is not None and self.stamp == _stamp(self.path)


@dataclass(frozen=True)
class HashedImages:
    """The content of an image set.

    Attributes:
        by_image: the content hash of each image; None where its file can't be read.
        errors: why not, by the image's index.
        files: for each content, the first file that has it.
    """

    by_image: tuple[str | None, ...]
    errors: Mapping[int, str]
    files: Mapping[str, HashedFile]


def hash_images(images: ImageSet, cache_dir: Path) -> HashedImages:
    """Hash the files of ``images``; those known from earlier runs are not read again.

    Raises:
        RunnerError: some can't be read because their drive is gone.
    """
    stamps = [_stamp(path) for path in images.paths]
    by_image: list[str | None] = []
    errors: dict[int, str] = {}
    files: dict[str, HashedFile] = {}
    for index, outcome in enumerate(ContentHashes(cache_dir).hash_files(images.paths)):
        if isinstance(outcome, OSError):
            errors[index] = f"can't be read: {outcome.strerror or outcome}"
            by_image.append(None)
        else:
            files.setdefault(outcome, HashedFile(images.paths[index], stamps[index]))
            by_image.append(outcome)
    require_reachable(images.paths[index].parent for index in errors)
    return HashedImages(tuple(by_image), errors, files)


def _stamp(path: Path) -> FileStamp | None:
    try:
        return FileStamp.of(path.stat())
    except OSError:
        return None
