"""The trained autoencoders that the cache keeps: listing, checking, deleting."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from runner.embed.cache.embedding_cache import Pruned
from runner.embed.families.autoencoder import (
    MODEL,
    AutoencoderShape,
    TrainingRecord,
    autoencoders_folder,
    is_damaged,
    read_record,
    read_shape,
)
from runner.errors import RunnerError
from runner.utils.disk_usage import size_of
from runner.utils.leftovers import is_abandoned, leftovers_in, remove, temporary_name

_SUFFIX = ".safetensors"


@dataclass(frozen=True)
class KeptAutoencoder:
    """A trained autoencoder on disk.

    Attributes:
        key: how ``runner cache`` names it.
        checkpoint: its file of tensors.
        size: bytes on disk, its record and its sheet included.
        last_used: when it was last trained or asked for.
        shape: what it is made for; None where the file is damaged.
        record: how it was trained; None where that is lost.
    """

    key: str
    checkpoint: Path
    size: int
    last_used: datetime
    shape: AutoencoderShape | None
    record: TrainingRecord | None

    @property
    def is_sound(self) -> bool:
        """Whether the file's bytes are those that were written, as far as that is known; reads the whole file."""
        return self.shape is not None and not is_damaged(self.checkpoint)


class AutoencoderStore:
    """All trained autoencoders of a cache; one that is deleted is trained again when it is asked for."""

    def __init__(self, cache_dir: Path) -> None:
        self._root = autoencoders_folder(cache_dir)

    def ls(self) -> list[KeptAutoencoder]:
        """What there is, the last used first."""
        kept = [_describe(path) for folder in self._folders() for path in sorted(folder.glob(f"[!.]*{_SUFFIX}"))]
        return sorted(kept, key=lambda each: each.last_used, reverse=True)

    def prune(self, keys: Collection[str] = (), *, older_than: timedelta | None = None) -> list[Pruned]:
        """Delete autoencoders; without any argument, only what is of no use to anyone.

        Args:
            keys: only these, or the ones not used for so long among these.
            older_than: those not used for so long.

        Always deleted as well: damaged ones, and what trainings left behind that were killed.
        """
        limit = None if older_than is None else datetime.now(UTC) - older_than
        pruned = []
        for each in self.ls():
            chosen = each.key in keys if keys else older_than is not None
            if chosen and (limit is None or each.last_used < limit):
                pruned.append(Pruned(each.key, each.size))
            elif not each.is_sound:
                pruned.append(Pruned(f"damaged {each.key}", each.size))
            else:
                continue
            self._delete(each.checkpoint.parent)
        return pruned + self._prune_leftovers()

    def _prune_leftovers(self) -> list[Pruned]:
        pruned = []
        for folder in self._folders():
            finished = any(folder.glob(f"[!.]*{_SUFFIX}"))
            old = leftovers_in([folder]) if finished or not is_abandoned(folder) else [folder]
            if old:
                pruned.append(Pruned(f"leftovers of {_key(folder)}", sum(map(_size, old))))
            for path in old:
                remove(path)
        for path in leftovers_in([self._root]):  # deleted halfway
            remove(path)
        return pruned

    def remove_leftovers(self) -> None:
        """Delete what trainings and deletions left behind that were killed."""
        for path in leftovers_in([self._root, *self._folders()]):
            remove(path)

    def _delete(self, folder: Path) -> None:
        """Take it away at once, then its files at leisure."""
        doomed = self._root / temporary_name()
        folder.rename(doomed)
        remove(doomed)

    def _folders(self) -> list[Path]:
        if not self._root.is_dir():
            return []
        return sorted(path for path in self._root.iterdir() if path.is_dir() and not path.name.startswith("."))


def _describe(checkpoint: Path) -> KeptAutoencoder:
    folder = checkpoint.parent
    try:
        shape = read_shape(checkpoint)
    except RunnerError:
        shape = None
    used = datetime.fromtimestamp(max(folder.stat().st_mtime, checkpoint.stat().st_mtime), UTC)
    return KeptAutoencoder(_key(folder), checkpoint, size_of(folder), used, shape, read_record(checkpoint))


def _key(folder: Path) -> str:
    return f"{MODEL}-{folder.name}"


def _size(path: Path) -> int:
    return size_of(path) if path.is_dir() else path.stat().st_size
