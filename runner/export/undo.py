"""Undoing an export, from wherever it or an earlier undo stopped.

Nothing is deleted unless it is known to be the export's: a copy whose bytes are the original's, another name of the
same file, a link that says what the manifest says, a document that was not changed. What is not is kept and reported.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from runner.errors import RunnerError
from runner.export.checks import STAGING
from runner.export.config import How
from runner.export.ledger import forget
from runner.export.manifest import MANIFEST, UNDONE, Document, Manifest, PlacedImage, read_manifest
from runner.export.place import is_beginning_of, lies_within, link_from_elsewhere, move_exclusively
from runner.images.content_hash import hash_file
from runner.utils.atomic import sync_folder
from runner.utils.progress import progress_bar


@dataclass(frozen=True)
class Kept:
    """Something that an undo left where it is, and why."""

    path: Path
    reason: str


@dataclass(frozen=True)
class Undone:
    """What an undo did.

    Attributes:
        restored: images that went back to where they came from.
        removed: copies, links and documents that were deleted.
        kept: what was left.
        already: whether everything had been undone before.
    """

    restored: int
    removed: int
    kept: tuple[Kept, ...]
    already: bool = False


class UnknownManifestError(RunnerError):
    """The manifest is not one that an export of this user wrote, and was not trusted; ``manifest`` has what it says."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        super().__init__(
            f"{folder / MANIFEST} was not written by this version for this user, so that anyone may have written it; "
            f"nothing was done. If all that is listed may happen, `runner undo {folder} --trust` does it"
        )
        self.manifest = manifest


class _KeptError(Exception):
    """A file is not what the export made."""


def undo_export(folder: Path, progress: Callable[[int, int], None] | None = None, *, trust: bool = False) -> Undone:
    """Undo the export in ``folder``; a second call does nothing.

    Args:
        folder: what ``--to`` was.
        progress: told how many files are done, and of how many; None shows a bar on stderr.
        trust: whether a manifest that no export of this user wrote is followed as well. It may say to write to any
            place below the root that it names.

    Raises:
        UnknownManifestError: such a manifest is not trusted.
        RunnerError: there is no export, or its manifest is damaged.
    """
    folder = folder.expanduser()
    if not os.path.lexists(folder / MANIFEST) and (folder / UNDONE).is_file():
        forget((folder / UNDONE).read_bytes())
        return Undone(0, 0, (), already=True)
    found = read_manifest(folder)
    if found.manifest is not None and not found.known and not trust:
        raise UnknownManifestError(folder, found.manifest)
    restored, removed, kept = (0, 0, []) if found.manifest is None else _undo_all(folder, found.manifest, progress)
    if not (folder / STAGING).is_symlink():
        shutil.rmtree(folder / STAGING, ignore_errors=True)
    if not kept:
        (folder / MANIFEST).replace(folder / UNDONE)
        sync_folder(folder)
        forget(found.content)
    return Undone(restored, removed, tuple(kept))


def _undo_all(
    folder: Path, manifest: Manifest, progress: Callable[[int, int], None] | None
) -> tuple[int, int, list[Kept]]:
    """Undo each file; how many went back, how many were removed, and what was kept."""
    restored = removed = 0
    kept: list[Kept] = []
    files: list[PlacedImage | Document] = [*manifest.images, *manifest.documents]
    bar = progress_bar(len(files), "files", "file", disable=progress is not None)
    for done, each in enumerate(files, start=1):
        try:
            if not _undo(folder, manifest, each):
                pass
            elif isinstance(each, PlacedImage) and manifest.how is How.MOVE:
                restored += 1
            else:
                removed += 1
        except (_KeptError, OSError) as error:
            kept.append(Kept(folder / each.target, getattr(error, "strerror", None) or str(error)))
        bar.update()
        if progress is not None:
            progress(done, len(files))
    bar.close()
    _tidy(folder, manifest)
    return restored, removed, kept


def _undo(folder: Path, manifest: Manifest, each: PlacedImage | Document) -> bool:
    """Undo one file; whether there was anything to do."""
    target, how = folder / each.target, manifest.how
    if not target.parent.exists():
        return _nothing_there(each, how)
    if not _is_in_place(folder, target):
        raise _KeptError("its folder is a link that leads elsewhere")
    if not os.path.lexists(target):
        return _nothing_there(each, how)
    is_link = target.is_symlink()
    if is_link != (isinstance(each, PlacedImage) and (how is How.SYMLINK or each.link is not None)):
        raise _KeptError("is a link where the export made a file" if is_link else "is a file where it made a link")
    if isinstance(each, Document):
        _remove_document(target, each)
    elif how is How.MOVE:
        source = Path(each.source)
        if manifest.root is not None and not lies_within(source, Path(manifest.root)):
            raise _KeptError(f"can't go back, as a link on the way to {source} leads out of {manifest.root} now")
        if each.link is None:
            return _move_back(target, source, each)
        _move_link_back(target, source, each.link)
    elif how is How.SYMLINK:
        _remove_link(target, each)
    else:
        _remove_copy(target, Path(each.source), each, how)
    return True


def _is_in_place(folder: Path, path: Path) -> bool:
    """Whether no folder between ``folder`` and ``path`` is a link."""
    return path.parent.resolve() == folder.resolve() / path.parent.relative_to(folder)


def _nothing_there(each: PlacedImage | Document, how: How) -> bool:
    if isinstance(each, PlacedImage) and how is How.MOVE and not os.path.lexists(each.source):
        raise _KeptError(f"is gone, and so is {each.source}")
    return False


def _remove_document(target: Path, document: Document) -> None:
    if hash_file(target) != document.digest:
        raise _KeptError("was changed since")
    target.unlink()


def _remove_link(target: Path, image: PlacedImage) -> None:
    if str(target.readlink()) != image.source:
        raise _KeptError("leads elsewhere than the export made it")
    target.unlink()


def _remove_copy(target: Path, source: Path, image: PlacedImage, how: How) -> None:
    if not source.exists():
        raise _KeptError(f"may be the only one left, as {source} is gone")
    if how is How.HARDLINK:
        if not target.samefile(source):
            raise _KeptError(f"is no longer the same file as {source}")
    elif not _is_untouched(target, image) and not is_beginning_of(target, source):
        raise _KeptError("was changed since")
    target.unlink()


def _is_untouched(target: Path, image: PlacedImage) -> bool:
    status = target.stat()
    return (status.st_size, status.st_mtime_ns) == (image.size, image.mtime_ns)


def _move_back(target: Path, source: Path, image: PlacedImage) -> bool:
    """Bring a moved image back; False if it had not been moved yet."""
    if not os.path.lexists(source):
        source.parent.mkdir(parents=True, exist_ok=True)
        move_exclusively(target, source)
        return True
    if source.is_symlink() or not stat.S_ISREG(source.stat().st_mode):
        raise _KeptError(f"can't go back, as {source} is something else now")
    if source.samefile(target):  # the move, or an undo, was stopped between its two steps
        target.unlink()
    elif source.stat().st_size >= image.size and is_beginning_of(target, source):  # likewise, between two disks
        if source.stat().st_size == image.size:
            _restore_attributes(source, image)
        target.unlink()
    elif source.stat().st_size < target.stat().st_size and is_beginning_of(source, target):  # an undo was stopped
        source.unlink()
        move_exclusively(target, source)
    else:
        raise _KeptError(f"can't go back, as there is another file now: {source}")
    return True


def _move_link_back(target: Path, source: Path, link: str) -> None:
    """Make a moved link anew where it was, saying what it said."""
    if os.fspath(target.readlink()) != link_from_elsewhere(link, source):
        raise _KeptError("leads elsewhere than the export made it")
    if not os.path.lexists(source):
        source.parent.mkdir(parents=True, exist_ok=True)
        source.symlink_to(link)
    elif not source.is_symlink() or os.fspath(source.readlink()) != link:
        raise _KeptError(f"can't go back, as {source} is something else now")
    target.unlink()


def _restore_attributes(source: Path, image: PlacedImage) -> None:
    """Time and permissions, which come after the bytes when an undo copies a file back; a picture runs as nobody."""
    status = source.stat()
    if stat.S_IMODE(status.st_mode) != image.mode:
        source.chmod(image.mode & ~(stat.S_ISUID | stat.S_ISGID))
    if status.st_mtime_ns != image.mtime_ns:
        os.utime(source, ns=(status.st_atime_ns, image.mtime_ns))


def _tidy(folder: Path, manifest: Manifest) -> None:
    """Remove the folders that the export made and that are empty now."""
    for name in reversed(manifest.folders):
        path = folder / name
        if path.is_dir() and not path.is_symlink() and _is_in_place(folder, path) and not any(path.iterdir()):
            path.rmdir()
