"""Files with a checksum beside them, so that a disk's damage is noticed and what it hit is made anew.

``vectors.npy`` has ``vectors.npy.checksum`` beside it: the name of the hash, its value, and the size in bytes. The
checksum is in place before the content is, so that a process that dies in between leaves a file that counts as damaged,
never one that counts as sound and is not. The hash is XXH3 (128 bits), which finds every accidental change and costs
less than reading the file: 24 ms for 100 MB.

Only what can be made again belongs here: a file whose checksum is wrong is deleted.
"""

from __future__ import annotations

import hashlib
import logging
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import xxhash

from runner.utils.atomic import replaced_atomically, write_atomically

logger = logging.getLogger(__name__)

CHECKSUM_SUFFIX = ".checksum"

UNREADABLE = (
    *(OSError, ValueError, LookupError, ArithmeticError, TypeError, AttributeError, AssertionError),
    *(EOFError, SyntaxError, RuntimeError, MemoryError),
    *(struct.error, tokenize.TokenError, zipfile.BadZipFile, zlib.error),
)
"""What reading damaged bytes as arrays, JSON or records can raise."""

_HASH = "xxh3-128"


@contextmanager
def replaced_with_checksum(path: Path) -> Iterator[Path]:
    """As ``replaced_atomically``, and the checksum comes beside ``path``."""
    with replaced_atomically(path) as temporary:
        yield temporary
        write_atomically(checksum_path(path), _line(temporary))


def write_checked(path: Path, content: bytes) -> None:
    """Make ``path`` hold ``content``, and its checksum beside it."""
    with replaced_with_checksum(path) as temporary:
        temporary.write_bytes(content)


def read_checked(path: Path, is_valid: Callable[[bytes], bool]) -> bytes | None:
    """The content of a file that is small, as ``is_sound`` finds it; None where there is none, or it was damaged."""
    return path.read_bytes() if is_sound(path, lambda file: is_valid(file.read_bytes())) else None


def is_sound(path: Path, is_valid: Callable[[Path], bool]) -> bool:
    """Whether ``path`` is there and holds what was written; what does not is deleted, to be made again.

    Args:
        path: of a file that ``replaced_with_checksum`` or an earlier version wrote.
        is_valid: whether the content can be right; asked where there is no checksum, as earlier versions wrote none.
            A file that passes is given one.
    """
    if not path.is_file():
        return False
    stated = checksum_path(path)
    if stated.is_file():
        if stated.read_bytes() == _line(path):
            return True
    elif is_valid(path):
        with suppress(OSError):  # of a folder that is only read
            give_checksum(path)
        return True
    logger.warning("%s was damaged on the disk; it is made anew", path)
    remove_checked(path)
    return False


def give_checksum(path: Path) -> None:
    """Put its checksum beside a file that is known to be right."""
    write_atomically(checksum_path(path), _line(path))


def remove_checked(path: Path) -> None:
    """Delete a file, and its checksum after it."""
    path.unlink(missing_ok=True)
    checksum_path(path).unlink(missing_ok=True)


def checksum_path(path: Path) -> Path:
    """Where the checksum of ``path`` is."""
    return path.with_name(path.name + CHECKSUM_SUFFIX)


def checksum_of(path: Path) -> str:
    """Name and value of the hash of a file, and its size in bytes."""
    with path.open("rb", buffering=0) as file:
        value = hashlib.file_digest(file, xxhash.xxh3_128).hexdigest()
        return f"{_HASH} {value} {file.tell()}"


def _line(path: Path) -> bytes:
    return f"{checksum_of(path)}\n".encode()
