"""What drives lack, such as network shares and memory cards, and how to do without."""

from __future__ import annotations

import errno
import functools
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock

from runner.errors import RunnerError
from runner.utils.atomic import temporary_folder
from runner.utils.system_errors import BACK, GONE

NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)
"""What the system says of a lock where the drive has none, as network shares without a lock service."""

_NO_LINKS = (errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
"""What a drive says of a link where it has none, as memory cards with FAT."""


def acquired(lock: FileLock, timeout: float = -1) -> bool:
    """Wait for a lock between processes; False where the drive has no locks, and nothing is held.

    Raises:
        filelock.Timeout: another process holds it for longer than ``timeout`` seconds.
    """
    try:
        lock.acquire(timeout=timeout)
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        return False
    return True


def released(lock: FileLock) -> None:
    """Let go of a lock; where its drive is gone, the process's end will, and what went wrong before is what matters."""
    with suppress(OSError):
        lock.release()


@contextmanager
def locked_if_possible(path: Path) -> Iterator[None]:
    """Hold the lock ``path``, for work that is only wasted, not wrong, if two do it where the drive has no locks."""
    lock = FileLock(path)
    acquired(lock)
    try:
        yield
    finally:
        released(lock)


@functools.cache
def has_record_locks(folder: Path) -> bool:
    """Whether files in ``folder`` can be locked the way SQLite does; OSError if nothing can be written there.

    SQLite takes a drive without locks for a file that is always in use, and waits in vain.
    """
    try:
        import fcntl
    except ImportError:  # Windows, where every drive has them
        return True
    with tempfile.TemporaryFile(dir=folder) as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            return False
    return True


def require_reachable(folders: Iterable[Path]) -> None:
    """See that a file that could not be read was not one of a drive that is gone.

    Args:
        folders: where files could not be read.

    Raises:
        RunnerError: one of them can't be listed either.
    """
    for folder in sorted(set(folders)):
        try:
            with os.scandir(folder) as entries:
                next(entries, None)
        except OSError as error:
            if error.errno in GONE:
                raise RunnerError(f"the folder of images {folder} is gone ({error.strerror}); {BACK}") from error


def has_links(folder: Path, *, symbolic: bool) -> bool:
    """Whether files in ``folder`` may have second names; OSError if nothing can be written there."""
    with temporary_folder(folder) as place:
        file, link = place / "file", place / "link"
        file.touch()
        try:
            link.symlink_to(file) if symbolic else link.hardlink_to(file)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            return False
    return True


def link_or_copy(source: Path, target: Path) -> None:
    """Let there be ``target`` with the content of ``source``: a symbolic link, a copy on a drive that has none."""
    try:
        target.symlink_to(source.absolute())
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        shutil.copyfile(source, target)
