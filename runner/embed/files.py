"""Files that are either whole or not there, their hashes, and the size of folders."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from runner.images.content_hash import DIGEST_SIZE

TEMPORARY_PREFIX = ".partial-"
"""Start of the names of files being written; one that is hours old was left by a process that was killed."""

LEFTOVER_AGE = timedelta(hours=1)
"""From when on something half written is taken for left behind."""


@contextmanager
def replaced_atomically(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path``, to be written to; it takes ``path``'s place when the block ends and vanishes
    if the block fails. Folders are made where needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{uuid.uuid4().hex}{path.suffix}")
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_atomically(path: Path, content: bytes) -> None:
    """Make ``path`` hold ``content``, whatever happens meanwhile."""
    with replaced_atomically(path) as temporary:
        temporary.write_bytes(content)


def hash_file(path: Path) -> str:
    """The content hash of a file's bytes, read anew; OSError where that fails."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=DIGEST_SIZE)).hexdigest()


def size_of(folder: Path) -> int:
    """Bytes of all files in ``folder``; one that vanishes meanwhile counts as nothing."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += (Path(parent) / name).stat().st_size
    return total


def is_leftover(path: Path) -> bool:
    """Whether what lies at ``path`` is so old that whoever was writing it must have been killed."""
    return time.time() - path.stat().st_mtime > LEFTOVER_AGE.total_seconds()
