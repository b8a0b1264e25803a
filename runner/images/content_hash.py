"""Content hashes of many files, without reading again what has not changed."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from runner.errors import RunnerError
from runner.images import decoder_revision
from runner.images.stat_table import FileStamp, StatTable
from runner.utils.machine import usable_cpus

DIGEST_SIZE = 16
"""Bytes of a content hash: at 128 bits no two of any realistic number of files share one by accident."""

RACY_NANOSECONDS = 2_000_000_000
"""A file modified less than this ago may change once more without its time changing (FAT counts in steps of two
seconds), so its hash is not remembered."""

_FILES_PER_COMMIT = 1000
_THREADS = min(8, usable_cpus() + 2)  # reading waits for the disk, and hashing releases the interpreter's lock


class ContentHashes:
    """BLAKE2b hashes of files, remembered between runs in a small table in ``cache_dir``."""

    def __init__(self, cache_dir: Path) -> None:
        """Create ``cache_dir`` where needed; raises RunnerError if that is impossible."""
        cache_dir = cache_dir.expanduser()
        try:
            cache_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = error.strerror or error
            raise RunnerError(f"the cache folder {cache_dir} cannot be made ({reason}); choose another") from error
        self._table = StatTable(cache_dir)

    def hash_files(self, paths: Sequence[Path], progress: Callable[[int], object] | None = None) -> list[str | OSError]:
        """What tells the picture of each file: the hash of its bytes, as 32 hexadecimal digits.

        The decoder revision is mixed in where an earlier version gave other pixels (``decoder_revision``); files that
        are known from such a version are looked at once, by their header.

        Args:
            paths: files, in any number.
            progress: called with 1 after each file, e.g. ``tqdm.update``.

        Returns:
            One entry per path, in their order; the error where a file can't be read.
        """
        absolute = [path.absolute() for path in paths]
        known = self._table.lookup(absolute)
        revisions = self._table.revisions((digest for _, digest in known.values()), decoder_revision.CURRENT)
        hashes: list[str | OSError] = []
        fresh: dict[Path, tuple[FileStamp, str]] = {}
        looked_at: dict[str, int] = {}
        pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="content-hash")
        try:
            for path, found in zip(
                absolute, pool.map(lambda path: _look_at(path, known.get(path), revisions), absolute), strict=True
            ):
                if isinstance(found, OSError):
                    hashes.append(found)
                else:
                    hashes.append(decoder_revision.revised(found.digest, found.revision))
                    if found.stamp is not None:
                        fresh[path] = found.stamp, found.digest
                    if found.digest not in revisions:
                        looked_at[found.digest] = found.revision
                if len(fresh) + len(looked_at) >= _FILES_PER_COMMIT:
                    self._remember(fresh, looked_at)
                    fresh, looked_at = {}, {}
                if progress is not None:
                    progress(1)
        finally:  # also after Ctrl-C: forget what is queued, keep what is done
            pool.shutdown(cancel_futures=True)
            self._remember(fresh, looked_at)
        return hashes

    def _remember(self, fresh: Mapping[Path, tuple[FileStamp, str]], looked_at: Mapping[str, int]) -> None:
        if fresh:
            self._table.store(fresh)
        if looked_at:
            self._table.store_revisions(looked_at, decoder_revision.CURRENT)


@dataclass(frozen=True)
class _Found:
    """What a look at a file gave.

    Attributes:
        digest: the hash of its bytes.
        revision: of the decoder.
        stamp: what to remember the hash by; None if it should not be remembered (again).
    """

    digest: str
    revision: int
    stamp: FileStamp | None


def _look_at(path: Path, known: tuple[FileStamp, str] | None, revisions: Mapping[str, int]) -> _Found | OSError:
    try:
        digest, stamp = _hash_unless_known(path, known)
        revision = revisions.get(digest)
        return _Found(digest, decoder_revision.revision_of(path) if revision is None else revision, stamp)
    except OSError as error:
        return error


def _hash_unless_known(path: Path, known: tuple[FileStamp, str] | None) -> tuple[str, FileStamp | None]:
    """The hash, and the stamp to remember it by; None if it should not be remembered (again)."""
    status = path.stat()
    if known is not None and known[0] == FileStamp.of(status):
        return known[1], None
    if not stat.S_ISREG(status.st_mode):  # opening a named pipe would wait for ever
        raise OSError(f"{path} is not a regular file")
    return _hash(path)


def _hash(path: Path) -> tuple[str, FileStamp | None]:
    with path.open("rb") as file:
        before = FileStamp.of(os.fstat(file.fileno()))
        settled = time.time_ns() - before.mtime_ns > RACY_NANOSECONDS
        digest = _digest_of(file)
        unchanged = FileStamp.of(os.fstat(file.fileno())) == before
    return digest, before if settled and unchanged else None


def hash_file(path: Path) -> str:
    """The content hash of a file's bytes, read anew; OSError where that fails."""
    with path.open("rb") as file:
        return _digest_of(file)


def _digest_of(file: BufferedReader) -> str:
    return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=DIGEST_SIZE)).hexdigest()
