"""What the system says of files, in words: why, and what to do."""

from __future__ import annotations

import errno
import os
import re
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

GONE = (
    errno.EIO,
    errno.ESTALE,
    errno.ENODEV,
    errno.ENXIO,
    errno.ENOTCONN,
    errno.ETIMEDOUT,
    errno.EHOSTDOWN,
    errno.EHOSTUNREACH,
)
"""What the system says of files on a disk that was pulled, or of a share whose server is away."""

IN_USE = (errno.EBUSY, errno.ETXTBSY, *((errno.EACCES,) if os.name == "nt" else ()))
"""What the system says where a file can't be replaced because a program has it open."""

BACK = "once its drive answers again, the same command resumes"
"""The remedy for a drive that is gone."""


NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
"""What the system says of a full drive, and of one of which a user may have no more."""

ELSEWHERE = "--out places results, --cache-dir the cache and TMPDIR temporary files on another drive"


def reason_and_remedy(error: OSError) -> str:
    """What is wrong, and what to do where a drive is full or gone or a file in use, in words that fit after a colon."""
    reason = error.strerror or str(error)
    if error.errno in GONE:
        return f"{reason}; {BACK}"
    if error.errno in NO_ROOM:
        return f"{reason}; {_free(error.filename)}; make room there, or else {ELSEWHERE}"
    if error.errno in IN_USE:
        return f"{reason}; close the program that has it open, and run the same command again"
    return reason


def system_error_in(text: str, path: Path) -> OSError | None:
    """What the system said of a file, out of the words of a library that keeps no error number: ``(os error 28)``."""
    number = re.search(r"\(os error (\d+)\)", text)
    return None if number is None else OSError(int(number[1]), os.strerror(int(number[1])), str(path))


def _free(name: object) -> str:
    """How much room there is where a file was to be written; where that is not known, in the temporary folder."""
    path = Path(os.fsdecode(name)) if isinstance(name, str | bytes) else Path(tempfile.gettempdir())
    for folder in (path, *path.absolute().parents):
        with suppress(OSError):
            free = shutil.disk_usage(folder).free
            return f"{free / 2**20:,.1f} MiB are free in {folder}"
    return f"{path} is on it"
