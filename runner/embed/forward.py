"""The forward passes: images are read once, go through every model that needs them, and into the cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

import numpy as np

from runner.embed.cache.embedding_cache import EmbeddingCache
from runner.embed.cache.vector_table import usable_rows
from runner.embed.cache.vector_writer import VectorWriter
from runner.embed.embedding_config import EmbeddingConfig
from runner.embed.hashed_images import HashedFile
from runner.embed.image_reader import ImageReader, ReadingJob
from runner.embed.loaded_models import LoadedModels, Recipes, groups_that_fit
from runner.embed.preprocess import to_batch
from runner.embed.recipe_resolver import ModelResolver
from runner.images.decode import UnreadableImageError
from runner.utils.drives import require_reachable
from runner.utils.machine import usable_cpus
from runner.utils.memory import freed_memory_kept
from runner.utils.stage_clock import StageClock

Missing = Mapping[EmbeddingConfig, Sequence[str]]
"""The content hashes whose vectors are wanted, by config."""

Progress = Callable[[int, int], object]
"""Told how many forward passes are done, and of how many."""

_MOST_READERS = 8


@dataclass(frozen=True)
class ForwardOptions:
    """How to run; see ``embed_images``."""

    device: str = "auto"
    batch_size: int = 32
    decode_workers: int | None = None
    progress: Progress | None = None
    say: Callable[[str], None] = lambda line: None

    @property
    def readers(self) -> int:
        """Threads that decode."""
        return self.decode_workers or min(_MOST_READERS, usable_cpus())


@dataclass
class ForwardOutcome:
    """What came of all passes so far.

    Attributes:
        embedded: the content hashes that have a new vector, by embedding key.
        failed: why an image can't be used, by content hash.
        device: where the models ran; None if none was needed.
    """

    embedded: dict[str, set[str]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    device: str | None = None

    @property
    def passes(self) -> int:
        """Forward passes that gave a vector."""
        return sum(map(len, self.embedded.values()))


class ForwardPasses:
    """Computes vectors that are missing."""

    def __init__(self, cache: EmbeddingCache, options: ForwardOptions, clock: StageClock) -> None:
        self.outcome = ForwardOutcome()
        self._cache = cache
        self._options = options
        self._clock = clock

    def run(self, missing: Missing, files: Mapping[str, HashedFile]) -> None:
        """Put the vectors of all ``missing`` hashes into the cache, except those of images that can't be used.

        torch is imported when the first image has been read, not before: there may be none.

        Args:
            missing: what is wanted.
            files: where each content is.

        Raises:
            RunnerError: a model can't be loaded, the cache can't be written to, or the images' drive is gone; what was
                computed by then is kept.
        """
        wanted = {config: hashes for config, hashes in missing.items() if hashes}
        resolver = ModelResolver(self._cache.cache_dir)
        recipes = {config: resolver.recipe_of(config) for config in wanted}
        with freed_memory_kept(), _reporter(self._options.progress, sum(map(len, wanted.values()))) as report:
            for group in groups_that_fit(recipes, self._options.device):
                self._run_group({config: wanted[config] for config in group}, recipes, files, report)

    def _run_group(
        self, wanted: Missing, recipes: Recipes, files: Mapping[str, HashedFile], report: Callable[[int], object]
    ) -> None:
        """All configs whose models are in memory at the same time, in one pass over the images."""
        configs_by_hash: dict[str, list[EmbeddingConfig]] = {}
        for config, hashes in wanted.items():
            for value in hashes:
                configs_by_hash.setdefault(value, []).append(config)
        jobs = [
            ReadingJob(value, files[value], {recipes[config].view(config) for config in configs})
            for value, configs in configs_by_hash.items()
        ]
        reader = ImageReader(self._options.readers, look_ahead=2 * self._options.batch_size + self._options.readers)
        batches: _Batches | None = None
        with closing(reader.read(jobs)) as results, VectorWriter(self._cache, self._clock) as writer:
            while True:
                with self._clock.time("read"):
                    result = next(results, None)
                if result is None:
                    break
                job, views = result
                configs = configs_by_hash[job.content_hash]
                if isinstance(views, UnreadableImageError):
                    require_reachable([job.file.path.parent])
                    self.outcome.failed[job.content_hash] = views.reason
                    report(len(configs))
                    continue
                if batches is None:
                    batches = self._batches({config: recipes[config] for config in wanted}, writer, report)
                for config in configs:
                    batches.add(config, job.content_hash, views[recipes[config].view(config)])
            if batches is not None:
                batches.finish()

    def _batches(self, recipes: Recipes, writer: VectorWriter, report: Callable[[int], object]) -> _Batches:
        from runner.embed.device import select_device

        device = select_device(self._options.device)
        self.outcome.device = str(device)
        self._options.say(f"models run on {device}, {self._options.readers} threads decode images")
        models = LoadedModels(recipes, device, self._clock, self._options.say)
        return _Batches(models, writer, self._options.batch_size, self.outcome, self._clock, report)


class _Batches:
    """Collects images for each config until there are enough for a forward pass."""

    def __init__(
        self,
        models: LoadedModels,
        writer: VectorWriter,
        batch_size: int,
        outcome: ForwardOutcome,
        clock: StageClock,
        report: Callable[[int], object],
    ) -> None:
        self._models = models
        self._writer = writer
        self._batch_size = batch_size
        self._outcome = outcome
        self._clock = clock
        self._report = report
        self._waiting: dict[EmbeddingConfig, list[tuple[str, np.ndarray]]] = {}

    def add(self, config: EmbeddingConfig, content_hash: str, view: np.ndarray) -> None:
        """Take one image's view for ``config``."""
        waiting = self._waiting.setdefault(config, [])
        waiting.append((content_hash, view))
        if len(waiting) >= self._batch_size:
            self._encode(config)

    def finish(self) -> None:
        """Encode what is left."""
        for config in list(self._waiting):
            self._encode(config)

    def _encode(self, config: EmbeddingConfig) -> None:
        waiting = self._waiting.pop(config)
        encoder = self._models.encoder(config)
        with self._clock.time("encode"):
            vectors = encoder.encode(to_batch([view for _, view in waiting]))
        good = usable_rows(vectors)
        hashes = [content_hash for content_hash, _ in waiting]
        for index in np.flatnonzero(~good):
            self._outcome.failed[hashes[index]] = f"{config.model} makes no usable vector of it in {config.precision}"
        kept = [hashes[index] for index in np.flatnonzero(good)]
        self._writer.add(config, kept, vectors[good])
        self._outcome.embedded.setdefault(config.key, set()).update(kept)
        self._report(len(waiting))


@contextmanager
def _reporter(progress: Progress | None, total: int) -> Iterator[Callable[[int], object]]:
    """What to call after so many passes: ``progress`` with the sum, or else a bar on stderr."""
    if progress is None:
        from runner.utils.progress import progress_bar

        with progress_bar(total, "embedding", "image") as bar:
            yield bar.update
        return
    done = 0

    def report(passes: int) -> None:
        nonlocal done
        done += passes
        progress(done, total)

    yield report
