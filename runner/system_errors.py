"""What the system says of files, in words: why, and what to do."""

from __future__ import annotations

import errno
import os

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


def reason_and_remedy(error: OSError) -> str:
    """What is wrong, and what to do where the drive is gone or a file in use, in words that fit after a colon."""
    reason = error.strerror or str(error)
    if error.errno in GONE:
        return f"{reason}; {BACK}"
    if error.errno in IN_USE:
        return f"{reason}; close the program that has it open, and run the same command again"
    return reason
