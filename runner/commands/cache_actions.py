"""What ``runner cache`` does, and what it prints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from runner.embed.cache.embedding_cache import EmbeddingCache, Pruned
from runner.embed.training.store import AutoencoderStore, KeptAutoencoder
from runner.errors import RunnerError, UsageError
from runner.utils.disk_usage import in_units

Say = Callable[[str], None]


def run_cache_command(
    action: str,
    cache_dir: Path,
    keys: Sequence[str] = (),
    *,
    older_than_days: float | None = None,
    say: Say = print,
) -> None:
    """``runner cache ls|verify|prune``.

    Raises:
        UsageError: an unknown action or key.
        RunnerError: ``verify`` found damage.
    """
    chosen = _Chosen(cache_dir, keys)
    if action == "ls":
        _list(chosen, say)
    elif action == "verify":
        _verify(chosen, say)
    elif action == "prune":
        _prune(chosen, older_than_days, say)
    else:
        raise UsageError(f"there is no cache command {action!r}; there are ls, verify and prune")


class _Chosen:
    """What of a cache a command is about: some keys, or all."""

    def __init__(self, cache_dir: Path, keys: Sequence[str]) -> None:
        """Raises UsageError for a key that nothing has."""
        self.cache, self.store = EmbeddingCache(cache_dir), AutoencoderStore(cache_dir)
        self.place = self.cache.cache_dir
        embeddings, autoencoders = self.cache.ls(), self.store.ls()
        unknown = set(keys) - {entry.key for entry in embeddings} - {entry.key for entry in autoencoders}
        if unknown:
            raise UsageError(f"the cache {self.place} has nothing named {min(unknown)!r}; `runner cache ls` lists all")
        self.all = not keys
        self.embeddings = [entry for entry in embeddings if not keys or entry.key in keys]
        self.autoencoders = [entry for entry in autoencoders if not keys or entry.key in keys]


def _list(chosen: _Chosen, say: Say) -> None:
    if not chosen.embeddings and not chosen.autoencoders:
        say(f"no embeddings in {chosen.place}")
        return
    rows = [(each.key, f"{each.rows:,} vectors", each.size, each.last_used) for each in chosen.embeddings]
    rows += [(each.key, _description(each), each.size, each.last_used) for each in chosen.autoencoders]
    key_width, width = max(len(row[0]) for row in rows), max(len(row[1]) for row in rows)
    for key, text, size, used in rows:
        say(f"{key:{key_width}}  {text:>{width}}  {in_units(size):>8}  used {_ago(used)}")
    trained = f", {len(chosen.autoencoders)} trained autoencoders" if chosen.autoencoders else ""
    whole = in_units(sum(size for _, _, size, _ in rows))
    say(f"{len(chosen.embeddings)} embeddings{trained}, {whole} in {chosen.place}")


def _description(entry: KeptAutoencoder) -> str:
    """What it is made for, how many images it has learnt from, and how well."""
    shape, record = entry.shape, entry.record
    made_for = f"{shape.latent} numbers, {shape.resolution} px {shape.fit}" if shape else "DAMAGED"
    if record is None:
        return f"{made_for}, training unknown"
    images = record.training_images + record.validation_images
    return f"{made_for}, {images:,} images, {record.loss} loss {record.best_loss:.4f}"


def _verify(chosen: _Chosen, say: Say) -> None:
    keys = [entry.key for entry in chosen.embeddings]
    states = chosen.cache.verify(keys) if keys else {}
    for key, state in states.items():
        damage = f"{state.damaged:,} DAMAGED" if state.damaged else "all sound"
        say(f"{key}  {state.rows:,} vectors, {damage}")
    unsound = [entry for entry in chosen.autoencoders if not entry.is_sound]
    for entry in chosen.autoencoders:
        known = entry.record is not None and entry.record.checkpoint_hash
        say(f"{entry.key}  checkpoint {'DAMAGED' if entry in unsound else 'sound' if known else 'of unknown hash'}")
    damaged = sum(state.damaged for state in states.values())
    counts = [f"{damaged:,} vectors" if damaged else "", f"{len(unsound):,} checkpoints" if unsound else ""]
    if damaged or unsound:
        raise RunnerError(
            f"{' and '.join(filter(None, counts))} in {chosen.place} are damaged; they are never used and are computed "
            "again when needed (`runner cache prune` drops them)"
        )
    if not states and not chosen.autoencoders:
        say(f"no embeddings in {chosen.place}")


def _prune(chosen: _Chosen, older_than_days: float | None, say: Say) -> None:
    older_than = None if older_than_days is None else timedelta(days=older_than_days)
    pruned: list[Pruned] = []
    if chosen.all or chosen.embeddings:
        keys = [] if chosen.all else [each.key for each in chosen.embeddings]
        pruned += chosen.cache.prune(keys, older_than=older_than)
    if chosen.all or chosen.autoencoders:
        keys = [] if chosen.all else [each.key for each in chosen.autoencoders]
        pruned += chosen.store.prune(keys, older_than=older_than)
    for entry in pruned:
        say(f"deleted {entry.what} ({in_units(entry.size)})")
    if not pruned:
        say(f"nothing to delete in {chosen.place}")


def _ago(moment: datetime) -> str:
    days = (datetime.now(UTC) - moment).days
    return "today" if days < 1 else "yesterday" if days < 2 else f"{days} days ago"
