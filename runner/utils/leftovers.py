"""Files and folders that are being written, and those that a process left behind that was killed while writing.

The name of something unfinished says which process writes it, so that what a dead one left can be told from what a
living one is about to finish: ``.partial-<machine>-<process id>-<random>``.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import timedelta
from functools import cache
from pathlib import Path

import psutil

TEMPORARY_PREFIX = ".partial-"
"""Start of the names of files and folders that are being written."""

LEFTOVER_AGE = timedelta(hours=1)
"""From when on something unfinished is taken for left behind whose writer this machine can't look up."""

_EARLIER_PREFIXES = (".pixels-",)
_BY_PROCESS = re.compile(rf"{re.escape(TEMPORARY_PREFIX)}(?P<machine>[0-9a-f]{{8}})-(?P<pid>\d+)-[0-9a-f]{{12}}(\..*)?")
_CLOCK_SLACK = 2.0  # seconds by which a file system's clock and the system's may differ


def temporary_name(suffix: str = "") -> str:
    """A name for what this process is about to write, used by nothing else."""
    return f"{TEMPORARY_PREFIX}{_machine()}-{os.getpid()}-{uuid.uuid4().hex[:12]}{suffix}"


def is_leftover(path: Path) -> bool:
    """Whether ``path`` is unfinished and nobody will finish it: its process has ended, or, where it was written on
    another machine or by an earlier version, it is an hour old."""
    if not path.name.startswith((TEMPORARY_PREFIX, *_EARLIER_PREFIXES)):
        return False
    try:
        written = path.lstat().st_mtime
    except OSError:  # finished or removed meanwhile
        return False
    known = _BY_PROCESS.fullmatch(path.name)
    if known is not None and known["machine"] == _machine():
        return not _wrote(int(known["pid"]), written)
    return _is_old(written)


def is_abandoned(folder: Path) -> bool:
    """Whether a folder that is no use yet was last changed an hour ago, so that its writer must have been killed."""
    return _is_old(folder.stat().st_mtime)


def leftovers_in(folders: Iterable[Path]) -> list[Path]:
    """What dead processes left behind right in each of ``folders``; folders that are not there have none."""
    return [path for folder in folders for path in sorted(_entries(folder)) if is_leftover(path)]


def remove(path: Path) -> None:
    """Delete a file or a folder with all that is in it; one that has gone meanwhile is no error."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _entries(folder: Path) -> Iterator[Path]:
    with suppress(FileNotFoundError, NotADirectoryError):
        yield from folder.iterdir()


def _is_old(written: float) -> bool:
    return time.time() - written > LEFTOVER_AGE.total_seconds()


def _wrote(pid: int, written: float) -> bool:
    """Whether process ``pid`` is there and was when the file was last written, so that the number is not another's."""
    try:
        return psutil.Process(pid).create_time() <= written + _CLOCK_SLACK
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:  # another user's, so there
        return True


@cache
def _machine() -> str:
    """Tells machines apart, and containers of one machine, whose process ids mean nothing to each other."""
    space = ""
    with suppress(OSError):
        space = os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - no path, but the name of a namespace
    return hashlib.blake2b(f"{platform.node()} {space}".encode(), digest_size=4).hexdigest()
