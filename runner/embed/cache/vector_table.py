"""One Lance dataset of vectors by content hash, every row with a checksum.

Safe at any instant and with several processes: rows are only ever added, in whole commits, and a dataset appears by
renaming a finished, empty one, since two processes that both create it by their first append would lose rows.
"""

from __future__ import annotations

import functools
import hashlib
import os
import random
import shutil
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from runner.errors import RunnerError
from runner.utils.drives import has_links, locked_if_possible
from runner.utils.leftovers import temporary_name
from runner.utils.system_errors import reason_and_remedy, system_error_in

os.environ.setdefault("LANCE_LOG", "error")  # it warns of every dataset that is new

MOVED_ASIDE_PREFIX = ".damaged-"
"""Start of the names of datasets that could not be opened any more."""

_HASH, _VECTOR, _CHECKSUM = "hash", "vector", "checksum"
_COMMIT_LOCK = ".commit.lock"
_ROWS_PER_READ = 2048
_ATTEMPTS = 8
_UNCOMMITTED_AGE = timedelta(hours=1)

_VERSION_NAMES_FROM = 2**64 - 1
"""Lance names the manifest of version v by this number minus v, so that the newest sorts first."""

Location = tuple[int, int]
"""Where a row is: the fragment's id, and the row's number in it."""


@dataclass(frozen=True)
class TableState:
    """What a check found: rows in all, and how many of them are damaged or can't be read."""

    rows: int
    damaged: int


class _DamageError(Exception):
    """Lance can't read a file that it should be able to read."""


class VectorTable:
    """The dataset in one folder, which is made by the first ``append``."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def dimension(self) -> int | None:
        """Length of the vectors; None while there are none."""
        dataset = self._open()
        return None if dataset is None else dataset.schema.field(_VECTOR).type.list_size

    def __len__(self) -> int:
        """How many rows were written, duplicates included."""
        dataset = self._open()
        return 0 if dataset is None else dataset.count_rows()

    def locate(self, hashes: Collection[str]) -> dict[str, Location]:
        """Where the rows of ``hashes`` are; the last one written, where there are several."""
        wanted = hashes if isinstance(hashes, set | frozenset | dict) else set(hashes)
        locations: dict[str, Location] = {}
        dataset = self._open()
        for fragment in dataset.get_fragments() if dataset is not None else ():
            try:
                with _reading():
                    rows = fragment.to_table(columns=[_HASH]).column(_HASH).to_pylist()
            except _DamageError:
                continue  # its rows count as missing and are computed again
            locations.update((value, (fragment.fragment_id, row)) for row, value in enumerate(rows) if value in wanted)
        return locations

    def read(self, locations: dict[str, Location]) -> Iterator[tuple[list[str], np.ndarray]]:
        """The vectors at ``locations`` as (hashes, float array of shape (n, dimension)), in parts and in no set order.

        Rows whose checksum is wrong and vectors that are zero or not finite are left out.
        """
        dataset = self._open()
        rows_by_fragment: dict[int, list[int]] = {}
        for fragment_id, row in locations.values():
            rows_by_fragment.setdefault(fragment_id, []).append(row)
        for fragment in dataset.get_fragments() if dataset is not None else ():
            rows = sorted(rows_by_fragment.get(fragment.fragment_id, ()))
            for start in range(0, len(rows), _ROWS_PER_READ):
                hashes, vectors, good = _read_rows(fragment, rows[start : start + _ROWS_PER_READ])
                where = [i for i in np.flatnonzero(good) if hashes[i] in locations]
                yield [hashes[i] for i in where], vectors[where]

    def append(self, hashes: Sequence[str], vectors: np.ndarray) -> None:
        """Add rows in one commit.

        Args:
            hashes: content hashes.
            vectors: float32 or float16, shape (len(hashes), dimension), all finite.

        Raises:
            RunnerError: the disk is full, the folder can't be written to, or the like.
        """
        import lance
        import pyarrow

        n, dimension = vectors.shape
        flat = pyarrow.array(np.ascontiguousarray(vectors).ravel())
        columns = {
            _HASH: pyarrow.array(hashes, pyarrow.string()),
            _VECTOR: pyarrow.FixedSizeListArray.from_arrays(flat, dimension),
            _CHECKSUM: pyarrow.array(_checksums(hashes, vectors)),
        }
        table = pyarrow.table(columns)
        for attempt in range(_ATTEMPTS):
            try:
                with _reading():
                    dataset = self._open_or_create(table.schema)
                    lance.write_dataset(table, dataset, mode="append", commit_lock=self._commit_lock())
                return
            except _DamageError as error:  # most likely another process was faster; Lance has tried some times too
                if attempt == _ATTEMPTS - 1:
                    raise RunnerError(
                        f"can't write {n} vectors to the embedding cache {self.path}: {self._told(error)}"
                    ) from error
                time.sleep(random.uniform(0.5, 1.5) * 0.05 * 2**attempt)

    def check(self) -> TableState:
        """Read everything and count what is damaged."""
        dataset = self._open()
        rows = damaged = 0
        for fragment in dataset.get_fragments() if dataset is not None else ():
            n, bad = _check_fragment(fragment)
            rows, damaged = rows + n, damaged + len(bad)
        return TableState(rows, damaged)

    def tidy(self) -> int:
        """Drop damaged rows, join small files, and delete files that no commit refers to. Others may go on writing.

        Returns:
            how many rows were dropped.

        Raises:
            RunnerError: another process did the same at this moment.
        """
        dataset = self._open()
        if dataset is None:
            return 0
        try:
            with _reading():
                dataset, dropped = self._without_damage(dataset)
                dataset.optimize.compact_files()
                self._remove_damaged_manifests()
                dataset.cleanup_old_versions(older_than=_UNCOMMITTED_AGE)
        except _DamageError as error:
            raise RunnerError(f"{self.path} can't be tidied now ({error}); try again later") from error
        return dropped

    def _without_damage(self, dataset: Any) -> tuple[Any, int]:
        """The dataset without its damaged rows, and how many they were."""
        import lance

        dropped = 0
        for fragment in dataset.get_fragments():
            n, bad = _check_fragment(fragment)
            if bad:
                kept = None if len(bad) == n else fragment.delete_rows(bad)
                gone, changed = ([fragment.fragment_id], []) if kept is None else ([], [kept])
                delete = lance.LanceOperation.Delete(changed, gone, predicate="false")
                lock = self._commit_lock()
                dataset = lance.LanceDataset.commit(dataset, delete, read_version=dataset.version, commit_lock=lock)
                dropped += len(bad)
        return dataset, dropped

    def _remove_damaged_manifests(self) -> None:
        """Delete the records of earlier versions that can't be read: nobody needs them, and they stop the clean-up."""
        import lance

        for manifest in (self.path / "_versions").glob("*.manifest"):
            version = _VERSION_NAMES_FROM - int(manifest.stem)
            try:
                with _reading():
                    lance.dataset(str(self.path), version=version)
            except _DamageError:
                if version < lance.dataset(str(self.path)).version:
                    manifest.unlink(missing_ok=True)

    def _open(self) -> Any | None:
        """The dataset, or None if there is none. One that can't be opened is moved aside, as if there were none."""
        import lance

        for attempt in range(_ATTEMPTS):
            if not self.path.exists():
                return None
            try:
                with _reading():
                    dataset = lance.dataset(str(self.path), commit_lock=self._commit_lock())
                    if dataset.schema.names != [_HASH, _VECTOR, _CHECKSUM]:
                        raise _DamageError(f"its columns are {dataset.schema.names}")
                    return dataset
            except _DamageError as error:
                if attempt < 2:  # rule out that another process has just put it there or taken it away
                    time.sleep(0.1)
                    continue
                if self._refused(error):  # no permission, too many open files: not of the content
                    raise RunnerError(f"can't open the embedding cache {self.path}: {self._told(error)}") from error
                aside = self.path.with_name(f"{MOVED_ASIDE_PREFIX}{uuid.uuid4().hex}")
                try:
                    self.path.rename(aside)
                except FileNotFoundError:  # another process did it
                    return None
        return None

    def _told(self, error: _DamageError) -> str:
        """Why Lance can't go on, and what to do."""
        refused = self._refused(error)
        if refused is not None:
            return reason_and_remedy(refused)
        key = self.path.parent.name
        return f"{error}; `runner cache verify {key}` tells what is damaged, and `runner cache prune {key}` drops that"

    def _refused(self, error: _DamageError) -> OSError | None:
        """What the system said, to Python or to Lance; None where it said nothing."""
        cause = error.__cause__
        return cause if isinstance(cause, OSError) and cause.errno else system_error_in(str(error), self.path)

    def _open_or_create(self, schema: Any) -> Any:
        import lance

        dataset = self._open()
        if dataset is not None:
            return dataset
        new = self.path.with_name(temporary_name())
        new.parent.mkdir(parents=True, exist_ok=True)
        try:
            lance.write_dataset(schema.empty_table(), str(new), mode="create", commit_lock=self._commit_lock())
            new.rename(self.path)
        except OSError:
            if not self.path.exists():
                raise
        finally:
            shutil.rmtree(new, ignore_errors=True)
        return lance.dataset(str(self.path), commit_lock=self._commit_lock())

    def _commit_lock(self) -> Callable[[int], AbstractContextManager[None]] | None:
        """What Lance is to hold while it commits. None where it needs nothing: it makes the new version by a hard link,
        which fails if another process was faster, but there are drives without links."""
        folder = self.path.parent
        if _has_hard_links(folder):
            return None
        return lambda version: locked_if_possible(folder / _COMMIT_LOCK)


@functools.cache
def _has_hard_links(folder: Path) -> bool:
    try:
        return has_links(folder, symbolic=False)
    except OSError:  # nothing can be written there at all, which whoever writes will say
        return True


def usable_rows(vectors: np.ndarray) -> np.ndarray:
    """Which rows can be normalised: bool of shape (n,), true where all values are finite and not all are zero."""
    return np.isfinite(vectors).all(axis=1) & vectors.any(axis=1)


def _checksums(hashes: Sequence[str], vectors: np.ndarray) -> np.ndarray:
    """A 64-bit BLAKE2b of each row's hash and vector."""
    digests = (
        hashlib.blake2b(value.encode() + vector.tobytes(), digest_size=8).digest()
        for value, vector in zip(hashes, vectors, strict=True)
    )
    return np.frombuffer(b"".join(digests), dtype="<u8")


def _read_rows(fragment: Any, rows: list[int]) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Hashes, vectors and whether each is undamaged; all empty where Lance can't read the rows."""
    try:
        with _reading():
            table = fragment.take(rows, columns=[_HASH, _VECTOR, _CHECKSUM]).combine_chunks()
            hashes = table.column(_HASH).to_pylist()
            column = table.column(_VECTOR).combine_chunks()
            vectors = column.flatten().to_numpy(zero_copy_only=False).reshape(len(hashes), column.type.list_size)
            stated = table.column(_CHECKSUM).to_numpy()
    except _DamageError:
        return [], np.empty((0, 1), np.float32), np.empty(0, bool)
    if None in hashes or len(hashes) != len(rows):
        return [], np.empty((0, 1), np.float32), np.empty(0, bool)
    return hashes, vectors, (_checksums(hashes, vectors) == stated) & usable_rows(vectors)


def _check_fragment(fragment: Any) -> tuple[int, list[int]]:
    """The number of rows in a fragment, and the damaged ones' numbers."""
    n = fragment.metadata.num_rows
    damaged: list[int] = []
    for start in range(0, n, _ROWS_PER_READ):
        rows = list(range(start, min(n, start + _ROWS_PER_READ)))
        _, _, good = _read_rows(fragment, rows)
        damaged += rows if not len(good) else [rows[i] for i in np.flatnonzero(~good)]
    return n, damaged


@contextmanager
def _reading() -> Iterator[None]:
    """Turn what Lance raises into ``_DamageError``: ordinary exceptions, and panics, which are not even those."""
    try:
        yield
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, ArithmeticError) as error:
        raise _DamageError(" ".join(str(error).split())) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise _DamageError(" ".join(str(error).split())) from error
