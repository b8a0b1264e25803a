"""Putting one file in its place: never over another, and so that a crash at any instant can be undone."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

from runner.export.config import How

BLOCK = 1 << 20
_NO_LINKS = (errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS)
"""What ``os.link`` says where it can't: another file system, one without links, or a file of someone else's."""


def place(how: How, source: Path, target: Path) -> None:
    """Bring the file ``source`` to ``target``.

    Raises:
        FileExistsError: something is there already.
        OSError: it can't be done; a target that was begun may be left, and is found by an undo.
    """
    if how is How.COPY:
        copy_exclusively(source, target, durable=False)
    elif how is How.HARDLINK:
        os.link(source, target)
    elif how is How.SYMLINK:
        target.symlink_to(source)
    else:
        move_exclusively(source, target)


def move_exclusively(source: Path, target: Path) -> None:
    """Move a file: by a second name for it where that is possible, else by a copy that is on the disk before the
    original goes. ``os.rename`` would overwrite. A link is moved itself, and leads where it led."""
    if source.is_symlink():
        target.symlink_to(link_from_elsewhere(os.fspath(source.readlink()), source))
        source.unlink()
        return
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        copy_exclusively(source, target, durable=True)
        require_same_content(source, target)
    source.unlink()


def link_from_elsewhere(link: str, source: Path) -> str:
    """What a link at ``source`` that says ``link`` has to say in any other folder to lead to the same file."""
    return os.path.join(os.path.realpath(source.parent), link)  # noqa: PTH118 - an absolute link stays as it is


def copy_exclusively(source: Path, target: Path, *, durable: bool) -> None:
    """Copy a file's bytes, times and permissions.

    Args:
        source: the file.
        target: where nothing is yet.
        durable: whether to wait until the bytes are on the disk, as one must before the original goes.
    """
    with source.open("rb") as reading, target.open("xb") as writing:
        shutil.copyfileobj(reading, writing, BLOCK)
        if durable:
            writing.flush()
            os.fsync(writing.fileno())
    shutil.copystat(source, target)


def require_same_content(source: Path, target: Path) -> None:
    """Raise OSError where a copy is not like its original."""
    if not is_beginning_of(target, source) or target.stat().st_size != source.stat().st_size:
        raise OSError(errno.EIO, "the copy differs from the original; the original stays", str(target))


def lies_within(path: Path, root: Path) -> bool:
    """Whether the name ``path`` is below ``root`` whatever links lead there; the file itself may be a link."""
    return path.parent.resolve().is_relative_to(root.resolve())


def is_beginning_of(part: Path, whole: Path) -> bool:
    """Whether the bytes of ``part`` are the first bytes of ``whole``, or all of them."""
    with part.open("rb") as some, whole.open("rb") as every:
        while block := some.read(BLOCK):
            if every.read(len(block)) != block:
                return False
    return True
