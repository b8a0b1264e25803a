"""Collecting vectors and committing them to the cache now and then."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from runner.embed.cache.embedding_cache import EmbeddingCache
from runner.embed.embedding_config import EmbeddingConfig
from runner.utils.stage_clock import StageClock

ROWS_PER_COMMIT = 4096
SECONDS_PER_COMMIT = 30.0
"""A process that is killed loses at most this many vectors per embedding, or this much work."""


class VectorWriter:
    """Holds vectors of several embeddings back until there are enough of them to be worth a commit.

    A context manager: at its end, be it by an error or Ctrl-C, what is held is committed.
    """

    def __init__(self, cache: EmbeddingCache, clock: StageClock) -> None:
        self._cache = cache
        self._clock = clock
        self._held: dict[EmbeddingConfig, list[tuple[Sequence[str], np.ndarray]]] = {}
        self._held_since = time.monotonic()

    def add(self, config: EmbeddingConfig, hashes: Sequence[str], vectors: np.ndarray) -> None:
        """Take vectors, shape (len(hashes), dimension), to be written with the next commit."""
        if hashes:
            self._held.setdefault(config, []).append((hashes, vectors))
        rows = sum(len(some) for some, _ in self._held.get(config, ()))
        if rows >= ROWS_PER_COMMIT or time.monotonic() - self._held_since > SECONDS_PER_COMMIT:
            self.flush()

    def flush(self) -> None:
        """Commit what is held."""
        with self._clock.time("write"):
            while self._held:
                config, parts = next(iter(self._held.items()))
                hashes = [value for some, _ in parts for value in some]
                self._cache.append(config, hashes, np.concatenate([vectors for _, vectors in parts]))
                del self._held[config]
        self._held_since = time.monotonic()

    def __enter__(self) -> VectorWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.flush()
