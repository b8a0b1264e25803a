"""The forward passes: images are read once, go through every model that needs them, and into the cache."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from runner.embed.cache import EmbeddingCache
from runner.embed.embedding_config import EmbeddingConfig
from runner.embed.hashed_images import HashedFile
from runner.embed.image_reader import ImageReader, ReadingJob
from runner.embed.model_resolver import ModelResolver
from runner.embed.preprocess import View, to_batch
from runner.embed.recipe import ModelRecipe
from runner.embed.stage_clock import StageClock
from runner.embed.vector_table import usable_rows
from runner.embed.vector_writer import VectorWriter
from runner.images.decode import UnreadableImageError

if TYPE_CHECKING:
    from runner.embed.encoders.encoder import Encoder

Missing = Mapping[EmbeddingConfig, Sequence[str]]
"""The content hashes whose vectors are wanted, by config."""

Say = Callable[[str], None]
Progress = Callable[[int, int], object]
"""Told how many forward passes are done, and of how many."""

_MEMORY_SHARE = 0.5
"""Share of a device's memory that the weights of the models loaded together may take."""

_UNKNOWN_SIZE = 1 << 29
"""Bytes assumed for a model with random weights, which no file tells the size of."""


@dataclass(frozen=True)
class ForwardOptions:
    """How to run; see ``embed_images``."""

    device: str = "auto"
    batch_size: int = 32
    decode_workers: int | None = None
    progress: Progress | None = None
    say: Say = lambda line: None


@dataclass
class ForwardOutcome:
    """What came of all passes so far.

    Attributes:
        embedded: the content hashes that now have a new vector in the cache, by embedding key.
        failed: why an image can't be used, by content hash.
        device: where the models run, as people call it; None before the first one is loaded.
    """

    embedded: dict[str, set[str]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    device: str | None = None

    @property
    def passes(self) -> int:
        """Forward passes made."""
        return sum(map(len, self.embedded.values()))


class ForwardPasses:
    """Computes vectors that are missing. Models are loaded when the first image for them has been read."""

    def __init__(self, cache: EmbeddingCache, options: ForwardOptions, clock: StageClock) -> None:
        self.outcome = ForwardOutcome()
        self._cache = cache
        self._options = options
        self._clock = clock
        self._resolver = ModelResolver(cache.cache_dir)

    def run(self, missing: Missing, files: Mapping[str, HashedFile]) -> None:
        """Put the vectors of all ``missing`` hashes into the cache, except those of images that can't be used.

        Args:
            missing: what is wanted.
            files: where each content is.

        Raises:
            RunnerError: a model can't be loaded or the cache not be written to; what was computed by then is kept.
        """
        wanted = {config: hashes for config, hashes in missing.items() if hashes}
        recipes = {config: self._resolver.recipe_of(config) for config in wanted}
        total = sum(map(len, wanted.values()))
        if not total:
            return
        with _reporting(self._options.progress, total) as report:
            for together in _groups(recipes):
                batches = _Batches({config: recipes[config] for config in together}, self._options, self)
                self._run_group({config: wanted[config] for config in together}, recipes, files, report)
