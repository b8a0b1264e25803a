"""A table of files already hashed, so that an unchanged file is not read again."""

from __future__ import annotations

import functools
import logging
import os
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import xxhash

from runner.utils.drives import has_record_locks

logger = logging.getLogger(__name__)

_FILE_NAME = "stat_table.sqlite"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS files (
    path BLOB PRIMARY KEY,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    ctime_ns INTEGER NOT NULL,
    hash TEXT NOT NULL
) WITHOUT ROWID
"""
_REVISIONS_SCHEMA = """
CREATE TABLE IF NOT EXISTS revisions (
    hash TEXT PRIMARY KEY,
    latest INTEGER NOT NULL,
    revision TEXT NOT NULL
) WITHOUT ROWID
"""
"""Beside the other table, which versions without it go on using: the decoder revision of each content, and the latest
revision that there was when it was looked at. A revision is followed by the checksum of its row."""
_PER_QUERY = 500  # SQLite's parameter limit is 999 in old builds
_HASH = re.compile("(?P<hash>[0-9a-f]{32})(?: (?P<check>[0-9a-f]{16}))?")
"""A content hash with the checksum of its row, which earlier versions did not write."""
_LOCK_TIMEOUT = 30.0  # seconds
_DO_WITHOUT = (
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
)
"""Primary result codes that say nothing against the file itself; any other means that it is damaged."""


@dataclass(frozen=True)
class FileStamp:
    """What the file system says of a file; as long as it stays the same, so does the content.

    ``ctime_ns`` tells apart two files of equal size and date that have changed places.
    """

    size: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> FileStamp:
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns)


class StatTable:
    """SQLite table path -> (stamp, hash), shared safely by any number of processes.

    It only saves time. A damaged file is thrown away and a table that can't be used is done without, as on a drive
    without file locks, each with one line in the log.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / _FILE_NAME

    def lookup(self, paths: Sequence[Path]) -> dict[Path, tuple[FileStamp, str]]:
        """What is known of ``paths``; those never stored are left out."""
        known: dict[Path, tuple[FileStamp, str]] = {}
        if not _can_remember(self.path.parent):
            return known
        with self._guarded(), closing(self._connect()) as connection:
            by_key = {_key(path): path for path in paths}
            keys = list(by_key)
            for start in range(0, len(keys), _PER_QUERY):
                some = keys[start : start + _PER_QUERY]
                marks = ",".join("?" * len(some))
                query = f"SELECT path, size, mtime_ns, ctime_ns, hash FROM files WHERE path IN ({marks})"
                for key, size, mtime_ns, ctime_ns, stored in connection.execute(query, some):
                    stamp = FileStamp(size, mtime_ns, ctime_ns)
                    entry = _HASH.fullmatch(stored) if isinstance(stored, str) else None
                    if entry is not None and entry["check"] in (None, _check(key, stamp, entry["hash"])):
                        known[by_key[key]] = stamp, entry["hash"]
        return known

    def store(self, entries: Mapping[Path, tuple[FileStamp, str]]) -> None:
        """Add or replace entries, all in one transaction."""
        if not _can_remember(self.path.parent):
            return
        rows = [
            (_key(path), stamp.size, stamp.mtime_ns, stamp.ctime_ns, f"{digest} {_check(_key(path), stamp, digest)}")
            for path, (stamp, digest) in entries.items()
        ]
        with self._guarded(), closing(self._connect()) as connection, connection:
            connection.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)", rows)

    def revisions(self, hashes: Iterable[str], latest: int) -> dict[str, int]:
        """The decoder revisions known of contents; those not looked at since ``latest`` came are left out."""
        known: dict[str, int] = {}
        if not _can_remember(self.path.parent):
            return known
        with self._guarded(), closing(self._connect()) as connection:
            keys = list(dict.fromkeys(hashes))
            for start in range(0, len(keys), _PER_QUERY):
                some = keys[start : start + _PER_QUERY]
                marks = ",".join("?" * len(some))
                query = f"SELECT hash, revision FROM revisions WHERE latest = ? AND hash IN ({marks})"
                for content_hash, stored in connection.execute(query, [latest, *some]):
                    revision, _, check = str(stored).partition(" ")
                    if check == _check(content_hash, latest, revision):
                        known[content_hash] = int(revision)
        return known

    def store_revisions(self, revisions: Mapping[str, int], latest: int) -> None:
        """Add or replace decoder revisions by content hash, all in one transaction."""
        if not _can_remember(self.path.parent):
            return
        rows = [
            (content_hash, latest, f"{revision} {_check(content_hash, latest, str(revision))}")
            for content_hash, revision in revisions.items()
        ]
        with self._guarded(), closing(self._connect()) as connection, connection:
            connection.executemany("INSERT OR REPLACE INTO revisions VALUES (?, ?, ?)", rows)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=_LOCK_TIMEOUT)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute(_SCHEMA)
            connection.execute(_REVISIONS_SCHEMA)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Turn SQLite's errors into a line in the log; discard the file if the error says that it is damaged."""
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF  # extended to primary code
            if code in _DO_WITHOUT:
                logger.warning("content hashes are not remembered this time: %s: %s", self.path, error)
                return
            logger.warning(
                "discarded the damaged table of content hashes %s (%s); files are read again", self.path, error
            )
            for suffix in ("", "-wal", "-shm", "-journal"):
                self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)


def _check(*values: object) -> str:
    """What tells that a row is as it was written: SQLite does not notice when a disk changes a value in it."""
    return xxhash.xxh3_64_hexdigest(repr(values).encode())


@functools.cache
def _can_remember(folder: Path) -> bool:
    """Whether SQLite can work in ``folder``; says so once where it can't. Any other trouble is left to it to tell."""
    try:
        locks = has_record_locks(folder)
    except OSError:
        return True
    if not locks:
        logger.warning(
            "content hashes are not remembered: the drive of %s has no file locks, which SQLite needs; "
            "every call reads all images, unless --cache-dir is on another drive",
            folder,
        )
    return locks


def _key(path: Path) -> bytes:
    return os.fsencode(path)
