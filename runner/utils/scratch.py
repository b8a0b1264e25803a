"""Temporary folders of running processes; what one that was killed has left behind is removed by the next."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from runner.errors import RunnerError
from runner.utils.drives import acquired, released

PREFIX = "imagesweep-"
_LOCK, _OWNER = "in-use.lock", "owner"

_SEMAPHORES = Path("/dev/shm")
"""Where Linux keeps named semaphores, loky's by the number of the process that made them."""

_DAY = 86_400


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """An empty temporary folder, removed at the end of the block; abandoned ones are removed first.

    The process holds a lock on it, of which the system lets go when the process ends, however.

    Raises:
        RunnerError: the drive of temporary files has no locks.
    """
    remove_abandoned()
    folder, lock = _locked_folder()
    try:
        (folder / _OWNER).write_text(str(os.getpid()))
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        released(lock)


def remove_abandoned() -> None:
    """Remove the folders of processes that have ended, and what semaphores they left."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):  # somebody else's, or gone meanwhile
            _remove_if_abandoned(folder)


def _locked_folder() -> tuple[Path, FileLock]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        lock = FileLock(folder / _LOCK)
        with suppress(Timeout):  # another process is about to remove it, as it was not in use yet
            if acquired(lock, timeout=0):
                return folder, lock
            shutil.rmtree(folder, ignore_errors=True)
            raise RunnerError(
                f"temporary files go to {folder.parent}, and its drive has no file locks; set TMPDIR to a folder on a "
                "local disk"
            )


def _remove_if_abandoned(folder: Path) -> None:
    if not (folder / _LOCK).exists():
        if time.time() - folder.stat().st_mtime > _DAY:  # of an earlier version, or of a process killed at once
            shutil.rmtree(folder)
        return
    lock = FileLock(folder / _LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return
    try:
        _remove_semaphores(folder)
        shutil.rmtree(folder)
    finally:
        released(lock)


def _remove_semaphores(folder: Path) -> None:
    """Those of the folder's process; its workers' tracker removes them, unless it was killed as well."""
    try:
        owner = int((folder / _OWNER).read_text())
    except (FileNotFoundError, ValueError):  # killed before it wrote that
        return
    if not psutil.pid_exists(owner):
        for semaphore in _SEMAPHORES.glob(f"sem.loky-{owner}-*"):
            semaphore.unlink(missing_ok=True)
