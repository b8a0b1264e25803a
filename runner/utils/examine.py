"""Looking at a path without stumbling over it: it may be too long, forbidden, hold a zero byte, or lead in a circle."""

from __future__ import annotations

import errno
import os
import stat

AnyPath = str | os.PathLike[str]
FileIdentity = tuple[int, int]
"""Device and inode: what all names of one file have in common, be they links, hard links or other ways to it."""


def examine(path: AnyPath, *, follow_links: bool = True) -> os.stat_result | OSError:
    """What the file system says of a path, or the error where it says nothing.

    Args:
        path: of anything.
        follow_links: whether a link stands for what it leads to.

    >>> examine("nowhere").strerror
    'No such file or directory'
    """
    try:
        return os.stat(path, follow_symlinks=follow_links)  # noqa: PTH116 - also for entries and strings
    except OSError as error:
        return error
    except ValueError as error:  # a zero byte, or half a character
        return OSError(errno.EINVAL, str(error), os.fspath(path))


def is_file(path: AnyPath) -> bool:
    """Whether a regular file is there, as far as can be told; ``Path.is_file`` raises where it can't."""
    status = examine(path)
    return not isinstance(status, OSError) and stat.S_ISREG(status.st_mode)


def is_folder(path: AnyPath) -> bool:
    """Whether a folder is there, as far as can be told."""
    status = examine(path)
    return not isinstance(status, OSError) and stat.S_ISDIR(status.st_mode)


def identity_of(path: AnyPath) -> FileIdentity | None:
    """What tells whether two paths name one file; None where nothing is there, or the file system numbers no files."""
    status = examine(path)
    if isinstance(status, OSError) or not status.st_ino:
        return None
    return status.st_dev, status.st_ino


def reason_of(error: OSError) -> str:
    """What is wrong, in words that fit after a colon."""
    return error.strerror or str(error)
