"""What ``runner models`` and ``runner cache`` print."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from runner.embed.cache import EmbeddingCache
from runner.embed.models import DEFAULT_CACHE_DIR, known_models
from runner.errors import RunnerError, UsageError

Say = Callable[[str], None]

_UNITS = ("bytes", "KB", "MB", "GB", "TB")


def list_models(pattern: str = "", cache_dir: Path = DEFAULT_CACHE_DIR) -> Iterator[str]:
    """A line for each known model whose name contains ``pattern``: name, size of its input, where its weights are.

    Raises:
        RunnerError: there is none.
    """
    models = known_models(pattern, cache_dir)
    if not models:
        raise RunnerError(f"no known model has {pattern!r} in its name")
    width = max(len(model.name) for model in models)
    for model in models:
        default = "  default" if model.is_default else ""
        yield f"{model.name:{width}}  {model.resolution:4} px  {model.location}{default}"


def run_cache_command(
    action: str,
    cache_dir: Path,
    keys: Sequence[str] = (),
    *,
    older_than_days: float | None = None,
    max_bytes: int | None = None,
    say: Say = print,
) -> None:
    """``runner cache ls|verify|prune``.

    Raises:
        UsageError: an unknown action or key.
        RunnerError: ``verify`` found damage.
    """
    cache = EmbeddingCache(cache_dir)
    if action == "ls":
        _list(cache, keys, say)
    elif action == "verify":
        _verify(cache, keys, say)
    elif action == "prune":
        _prune(cache, keys, older_than_days, max_bytes, say)
    else:
        raise UsageError(f"there is no cache command {action!r}; there are ls, verify and prune")


def _list(cache: EmbeddingCache, keys: Sequence[str], say: Say) -> None:
    entries = [entry for entry in cache.ls() if not keys or entry.key in keys]
    if not entries:
        say(f"no embeddings in {cache.cache_dir}")
        return
    width = max(len(entry.key) for entry in entries)
    for entry in entries:
        size = _in_units(entry.size)
        say(f"{entry.key:{width}}  {entry.rows:>9,} vectors  {size:>8}  used {_ago(entry.last_used)}")
    say(f"{len(entries)} embeddings, {_in_units(sum(entry.size for entry in entries))} in {cache.cache_dir}")


def _verify(cache: EmbeddingCache, keys: Sequence[str], say: Say) -> None:
    states = cache.verify(keys)
    for key, state in states.items():
        damage = f"{state.damaged:,} DAMAGED" if state.damaged else "all sound"
        say(f"{key}  {state.rows:,} vectors, {damage}")
    damaged = sum(state.damaged for state in states.values())
    if damaged:
        raise RunnerError(
            f"{damaged} vectors in {cache.cache_dir} are damaged; they are never used and are computed again when "
            "needed (`runner cache prune` drops them)"
        )
    if not states:
        say(f"no embeddings in {cache.cache_dir}")


def _prune(
    cache: EmbeddingCache, keys: Sequence[str], older_than_days: float | None, max_bytes: int | None, say: Say
) -> None:
    older_than = None if older_than_days is None else timedelta(days=older_than_days)
    pruned = cache.prune(keys, older_than=older_than, max_bytes=max_bytes)
    for entry in pruned:
        say(f"deleted {entry.what} ({_in_units(entry.size)})")
    if not pruned:
        say(f"nothing to delete in {cache.cache_dir}")


def _in_units(size: float) -> str:
    for unit in _UNITS[:-1]:
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} {_UNITS[-1]}"


def _ago(moment: datetime) -> str:
    days = (datetime.now(UTC) - moment).days
    return "today" if days < 1 else "yesterday" if days < 2 else f"{days} days ago"
