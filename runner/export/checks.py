"""What is checked before the first file is touched: the destination, the sources, room and permissions."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Sequence
from pathlib import Path

from runner.errors import RunnerError
from runner.export.config import How
from runner.export.manifest import MANIFEST, UNDONE, PlacedImage
from runner.utils.drives import has_links
from runner.utils.examine import examine, reason_of

STAGING = ".imagesweep-export"
"""Folder in the destination where documents are written before they get their places."""

SPARE_BYTES = 64 * 1024 * 1024
"""Room that is left on the disk."""


def check_destination(to: Path, folders: Sequence[Path], how: How | None) -> None:
    """Raise RunnerError unless ``to`` is new, empty, or left by an export that was undone or never began.

    Args:
        to: the destination.
        folders: those that are searched for images.
        how: how images get there; None where none do.
    """
    if to.is_symlink() and not to.exists():
        raise RunnerError(f"--to {to} is a link that leads nowhere; name a folder")
    if to.exists() and not to.is_dir():
        raise RunnerError(f"--to {to} is a file; name a folder")
    around = next((folder for folder in folders if to.resolve().is_relative_to(folder.resolve())), None)
    if around is not None and how not in (None, How.MOVE):
        raise RunnerError(
            f"--to {to} lies in the folder of images {around}, where the copies would be taken for images; "
            "name another folder"
        )
    if not to.exists():
        return
    if (to / MANIFEST).exists():
        raise RunnerError(
            f"--to {to} holds an export already; name another folder, or `runner undo {to}` to take that one back first"
        )
    foreign = sorted(path.name for path in to.iterdir() if path.name not in (UNDONE, STAGING))
    if foreign:
        raise RunnerError(f"--to {to} is not empty, it holds {foreign[0]}; name a new or an empty folder")


def source_fault(path: Path, how: How) -> str | None:
    """Why an image can't be exported; None if it can."""
    status = examine(path)
    if isinstance(status, OSError):
        return f"can't be found any more: {reason_of(status)}"
    if not stat.S_ISREG(status.st_mode):
        return "is not a regular file"
    return None if how is How.SYMLINK or os.access(path, os.R_OK) else "can't be read: permission denied"


def check_room(to: Path, images: Sequence[PlacedImage], how: How) -> None:
    """Raise RunnerError where the disk is too full, or a folder or disk does not let the images through."""
    place = next(folder for folder in (to, *to.absolute().parents) if folder.exists())
    if not os.access(place, os.W_OK | os.X_OK):
        raise RunnerError(f"no permission to write to {place}; name another folder with --to")
    device = place.stat().st_dev
    devices = {image.source: Path(image.source).stat(follow_symlinks=image.link is None).st_dev for image in images}
    if how is How.HARDLINK:
        elsewhere = next((source for source, own in devices.items() if own != device), None)
        if elsewhere is not None:
            raise RunnerError(f"{to} is on another file system than {elsewhere}; use --how copy or symlink")
    if how in (How.HARDLINK, How.SYMLINK) and not has_links(place, symbolic=how is How.SYMLINK):
        other = "symlink or copy" if how is How.HARDLINK else "copy"
        raise RunnerError(f"the drive of {to} has no such links; use --how {other}")
    if how is How.MOVE:
        for folder in {Path(image.source).parent for image in images}:
            if not os.access(folder, os.W_OK | os.X_OK):
                raise RunnerError(f"no permission to take images out of {folder}; use --how copy")
    if how in (How.COPY, How.MOVE):
        needed = sum(image.size for image in images if how is How.COPY or devices[image.source] != device)
        free = shutil.disk_usage(place).free
        if needed and needed + SPARE_BYTES > free:
            raise RunnerError(f"{to} needs {needed / 1e9:.2f} GB, and {free / 1e9:.2f} GB are free there; make room")
