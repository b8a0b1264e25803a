"""Content hashes of many files, without reading again what has not changed."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BufferedReader
from pathlib import Path

from runner.errors import RunnerError
from runner.images.stat_table import FileStamp, StatTable
from runner.machine import usable_cpus

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
        """The hash of each file's bytes, as 32 hexadecimal digits.

        Args:
            paths: files, in any number.
            progress: called with 1 after each file, e.g. ``tqdm.update``.

        Returns:
            One entry per path, in their order; the error where a file can't be read.
        """
        absolute = [path.absolute() for path in paths]
        known = self._table.lookup(absolute)
        hashes: list[str | OSError] = []
        fresh: dict[Path, tuple[FileStamp, str]] = {}
        pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="content-hash")
        try:
            for path, (digest, stamp) in zip(
                absolute, pool.map(lambda path: _hash_unless_known(path, known.get(path)), absolute), strict=True
            ):
                hashes.append(digest)
                if stamp is not None and isinstance(digest, str):
                    fresh[path] = stamp, digest
                if len(fresh) >= _FILES_PER_COMMIT:
                    self._table.store(fresh)
                    fresh = {}
                if progress is not None:
                    progress(1)
        finally:  # also after Ctrl-C: forget what is queued, keep what is done
            pool.shutdown(cancel_futures=True)
            if fresh:
                self._table.store(fresh)
        return hashes


def _hash_unless_known(path: Path, known: tuple[FileStamp, str] | None) -> tuple[str | OSError, FileStamp | None]:
    """The hash or the error, and the stamp to remember it by; None if it should not be remembered (again)."""
    try:
        status = path.stat()
        if known is not None and known[0] == FileStamp.of(status):
            return known[1], None
        if not stat.S_ISREG(status.st_mode):  # opening a named pipe would wait for ever
            raise OSError(f"{path} is not a regular file")
        return _hash(path)
    except OSError as error:
        return error, None


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
