"""Every vector ever computed, by embedding key and content hash."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from runner.embed.cache.vector_table import MOVED_ASIDE_PREFIX, TableState, VectorTable
from runner.embed.embedding_config import EmbeddingConfig
from runner.errors import RunnerError, UsageError
from runner.utils.atomic import new_array, write_atomically
from runner.utils.checked_files import replaced_with_checksum
from runner.utils.disk_usage import size_of
from runner.utils.leftovers import leftovers_in, remove, temporary_name
from runner.utils.text_files import read_json

_TABLE = "vectors.lance"
_DESCRIPTION = "config.json"
_LAST_USED = "last_used"


@dataclass(frozen=True)
class CachedEmbedding:
    """What the cache holds under one key.

    Attributes:
        key: the embedding key.
        rows: vectors, those written twice included.
        size: bytes on disk.
        last_used: when it was last read from or written to.
        description: the config in JSON form; empty if it was lost.
    """

    key: str
    rows: int
    size: int
    last_used: datetime
    description: dict[str, Any]


@dataclass(frozen=True)
class Pruned:
    """Something that ``prune`` deleted, and the bytes it took."""

    what: str
    size: int


class EmbeddingCache:
    """Vectors of all embeddings, under ``cache_dir/embeddings/<key>``, shared by any number of processes.

    A vector that is damaged on disk is treated as if it were not there: it is never served, and computed again.
    """

    def __init__(self, cache_dir: Path) -> None:
        self.cache_dir = cache_dir.expanduser()
        self._root = self.cache_dir / "embeddings"

    def missing(self, key: str, hashes: Iterable[str]) -> list[str]:
        """The ``hashes`` without a vector under ``key``, each once, in their order."""
        unique = dict.fromkeys(hashes)
        present = self._table(key).locate(unique)
        return [value for value in unique if value not in present]

    def append(self, config: EmbeddingConfig, hashes: Sequence[str], vectors: np.ndarray) -> None:
        """Add vectors in one commit; they count from then on, whatever happens to this process.

        Args:
            config: what they were computed with.
            hashes: content hash of each image.
            vectors: float32 or float16, shape (len(hashes), dimension); finite, none of them zero.

        Raises:
            RunnerError: they can't be written.
        """
        folder = self._root / config.key
        if not (folder / _DESCRIPTION).is_file():
            write_atomically(folder / _DESCRIPTION, json.dumps(asdict(config), indent=1).encode())
        self._table(config.key).append(hashes, vectors)
        self._touch(config.key)

    def stream_to_npy(self, key: str, hashes: Sequence[str], path: Path) -> list[str]:
        """Write the vectors of ``hashes`` to a ``.npy`` file: float32, shape (len(hashes), dimension), L2-normalised.

        The file appears whole or not at all; memory use does not grow with its size.

        Returns:
            the hashes whose vectors are missing or damaged; if there are any, no file is written.
        """
        table = self._table(key)
        positions: dict[str, list[int]] = {}
        for position, value in enumerate(hashes):
            positions.setdefault(value, []).append(position)
        locations = table.locate(positions)
        absent = [value for value in positions if value not in locations]
        dimension = table.dimension
        if absent or dimension is None:
            return absent
        try:
            with replaced_with_checksum(path) as temporary:
                matrix = new_array(temporary, (len(hashes), dimension), np.float32)
                for found, vectors in table.read(locations):
                    _write_rows(matrix, [positions.pop(value) for value in found], vectors)
                matrix.flush()
                if positions:
                    raise _IncompleteError
        except _IncompleteError:
            return list(positions)
        self._touch(key)
        return []

    def read(self, key: str, hashes: Iterable[str]) -> Iterator[tuple[list[str], np.ndarray]]:
        """The vectors of ``hashes`` as the model gave them, in parts: hashes, and a float array (n, dimension).

        Each comes once, in no set order; those that are missing or damaged are left out.
        """
        table = self._table(key)
        yield from table.read(table.locate(set(hashes)))

    def ls(self) -> list[CachedEmbedding]:
        """What is in the cache, the last used first."""
        entries = [self._describe(folder) for folder in self._folders()]
        return sorted(entries, key=lambda entry: entry.last_used, reverse=True)

    def verify(self, keys: Collection[str] = ()) -> dict[str, TableState]:
        """Read all vectors under ``keys`` (none: under all) and count the damaged ones."""
        return {folder.name: self._table(folder.name).check() for folder in self._chosen(keys)}

    def prune(
        self,
        keys: Collection[str] = (),
        *,
        older_than: timedelta | None = None,
        max_bytes: int | None = None,
    ) -> list[Pruned]:
        """Delete embeddings; without any argument, only what is of no use to anyone.

        Args:
            keys: only these, or the ones chosen by the other arguments among these.
            older_than: those not used for so long.
            max_bytes: the least recently used ones, until the rest takes no more than this.

        Always deleted as well: damaged rows, and what processes left behind that were killed while writing.

        Raises:
            UsageError: a key that is not in the cache.
        """
        chosen = {folder.name for folder in self._chosen(keys)}
        entries = self.ls()
        doomed: list[CachedEmbedding] = []
        if older_than is not None:
            limit = datetime.now(UTC) - older_than
            doomed += [entry for entry in entries if entry.key in chosen and entry.last_used < limit]
        if max_bytes is not None:
            kept = sum(entry.size for entry in entries) - sum(entry.size for entry in doomed)
            for entry in reversed(entries):
                if kept > max_bytes and entry.key in chosen and entry not in doomed:
                    doomed.append(entry)
                    kept -= entry.size
        if keys and older_than is None and max_bytes is None:
            doomed += [entry for entry in entries if entry.key in chosen]
        for entry in doomed:
            self._delete(self._root / entry.key)
        return [Pruned(entry.key, entry.size) for entry in doomed] + self._prune_leftovers()

    def _prune_leftovers(self) -> list[Pruned]:
        pruned: list[Pruned] = []
        for folder in self._folders():
            before = size_of(folder)
            dropped = self._table(folder.name).tidy()
            if dropped:
                pruned.append(Pruned(f"{dropped} damaged vectors of {folder.name}", 0))
            for path in (*folder.glob(f"{MOVED_ASIDE_PREFIX}*"), *leftovers_in([folder])):
                remove(path)
            freed = before - size_of(folder)
            if freed > 0:
                pruned.append(Pruned(f"leftovers of {folder.name}", freed))
        for path in leftovers_in([self._root]):  # deleted halfway
            remove(path)
        return pruned

    def remove_leftovers(self) -> None:
        """Delete what processes left behind that were killed while writing or deleting."""
        for path in leftovers_in([self._root, *self._folders()]):
            remove(path)

    def _delete(self, folder: Path) -> None:
        """Take a key away at once, then its files at leisure."""
        doomed = folder.with_name(temporary_name())
        folder.rename(doomed)
        shutil.rmtree(doomed)

    def _describe(self, folder: Path) -> CachedEmbedding:
        try:
            description = read_json(folder / _DESCRIPTION, "the description")
        except RunnerError:
            description = {}
        marks = [folder / _LAST_USED, folder]
        used = next(mark.stat().st_mtime for mark in marks if mark.exists())
        rows = len(self._table(folder.name))
        return CachedEmbedding(
            folder.name,
            rows,
            size_of(folder),
            datetime.fromtimestamp(used, UTC),
            description if isinstance(description, dict) else {},
        )

    def _chosen(self, keys: Collection[str]) -> list[Path]:
        folders = self._folders()
        unknown = set(keys) - {folder.name for folder in folders}
        if unknown:
            raise UsageError(
                f"the cache {self.cache_dir} has no embedding {min(unknown)!r}; `runner cache ls` lists all"
            )
        return [folder for folder in folders if not keys or folder.name in keys]

    def _folders(self) -> list[Path]:
        if not self._root.is_dir():
            return []
        return sorted(path for path in self._root.iterdir() if path.is_dir() and not path.name.startswith("."))

    def _table(self, key: str) -> VectorTable:
        return VectorTable(self._root / key / _TABLE)

    def _touch(self, key: str) -> None:
        mark = self._root / key / _LAST_USED
        mark.touch()
        os.utime(mark)


class _IncompleteError(Exception):
    """Some rows of a matrix could not be filled."""


def _write_rows(matrix: np.ndarray, positions: Sequence[list[int]], vectors: np.ndarray) -> None:
    """Normalise ``vectors`` and put each into its rows; an image that is there twice has two."""
    wide = vectors.astype(np.float64)
    unit = (wide / np.linalg.norm(wide, axis=1, keepdims=True)).astype(np.float32)
    matrix[[rows[0] for rows in positions]] = unit
    for rows, vector in zip(positions, unit, strict=True):
        for row in rows[1:]:
            matrix[row] = vector
