"""From images to one matrix of vectors per embedding config, computing only what the cache does not have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runner.embed.cache.embedding_cache import EmbeddingCache
from runner.embed.cache.matrix_files import dimension_of, is_written, matrix_path, remove_others
from runner.embed.embedding_config import Embedding, EmbeddingConfig
from runner.embed.forward import ForwardOptions, ForwardOutcome, ForwardPasses, Progress
from runner.embed.hashed_images import HashedImages, hash_images
from runner.errors import RunnerError
from runner.images.image_set import ImageSet, SkippedImage
from runner.utils.stage_clock import StageClock

_ROUNDS = 3
"""How often vectors that turn out damaged are computed again before the disk is given up."""


@dataclass(frozen=True)
class Counts:
    """How many images needed a forward pass, and how many did not."""

    embedded: int
    cached: int


@dataclass(frozen=True)
class EmbeddingRun:
    """What became of a set of images.

    Attributes:
        images: those that can be used under every config, in their original order.
        embeddings: one per config, in the configs' order, aligned with ``images``.
        skipped: the other images.
        counts: over all configs: an image is embedded if it needed any forward pass; a second file with the same
            content does not, nor does a further name of a file. ``embedded + cached + len(skipped)`` is the number of
            names given.
        counts_by_key: the same for each embedding key.
        seconds: wall time by stage: ``hash`` the files, ``look_up`` what is cached, ``load`` models, ``read`` (waiting
            for images), ``encode``, ``write`` to the cache, ``stream`` from it into the matrices.
        passes: forward passes made.
        device: where they were made; None if there were none.
    """

    images: ImageSet
    embeddings: tuple[Embedding, ...]
    skipped: tuple[SkippedImage, ...]
    counts: Counts
    counts_by_key: Mapping[str, Counts]
    seconds: Mapping[str, float] = field(default_factory=dict)
    passes: int = 0
    device: str | None = None

    @property
    def images_per_second(self) -> float | None:
        """Forward passes per second of reading, encoding and writing; None if there were none."""
        spent = sum(self.seconds.get(stage, 0.0) for stage in ("read", "encode", "write"))
        return self.passes / spent if self.passes and spent else None


@dataclass(frozen=True)
class EmbeddingPlan:
    """What one embedding will cost: images that need nothing, and forward passes to make."""

    key: str
    cached: int
    missing: int


def plan_embeddings(
    images: ImageSet, configs: Sequence[EmbeddingConfig], cache: EmbeddingCache, *, force: bool = False
) -> list[EmbeddingPlan]:
    """What ``embed_images`` will have to do for each config."""
    hashed = hash_images(images, cache.cache_dir)
    plans = []
    for config in configs:
        missing = len(hashed.files) if force else len(cache.missing(config.key, hashed.files))
        plans.append(EmbeddingPlan(config.key, len(images.names) - missing, missing))
    return plans


def embed_images(
    images: ImageSet,
    configs: Sequence[EmbeddingConfig],
    *,
    cache: EmbeddingCache,
    out_dir: Path,
    device: str = "auto",
    batch_size: int = 32,
    decode_workers: int | None = None,
    force: bool = False,
    progress: Progress | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> EmbeddingRun:
    """Embed ``images`` under every config and write one ``.npy`` file per config into ``out_dir``.

    What is in the cache is not computed again, be the file renamed, moved or there twice; if nothing is missing, no
    model is loaded and torch is not imported. New vectors are in the cache after half a minute at the latest, so an
    interrupted call goes on where it was. Files that can't be used are skipped, and tried again next time.

    Args:
        images: with paths.
        configs: as from ``resolve_models``.
        cache: where vectors are kept.
        out_dir: folder of the matrices; one that is there already and fits is used as it is.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        batch_size: images per forward pass; halved when memory runs out.
        decode_workers: threads that decode images (default: one per core, 8 at most).
        force: compute everything again.
        progress: told how many forward passes are done, and of how many; None shows a bar on stderr.
        say: told what is going on, line by line.

    Raises:
        RunnerError: weights can't be loaded, the device can't be used, no image can, or the disk is full.
    """
    clock = StageClock()
    with clock.time("hash"):
        hashed = hash_images(images, cache.cache_dir)
    with clock.time("look_up"):
        missing = {
            config: list(hashed.files) if force else cache.missing(config.key, hashed.files) for config in configs
        }
    forward = ForwardPasses(cache, ForwardOptions(device, batch_size, decode_workers, progress, say), clock)
    for _ in range(_ROUNDS):
        forward.run(missing, hashed.files)
        usable = _usable(images, hashed, forward.outcome)
        with clock.time("stream"):
            rows = [hashed.by_image[index] or "" for index in usable]
            paths = {config: matrix_path(out_dir, config.key, rows) for config in configs}
            missing = {
                config: [] if is_written(path, len(rows)) and not force else cache.stream_to_npy(config.key, rows, path)
                for config, path in paths.items()
            }
        damaged = sum(map(len, missing.values()))
        if not damaged:
            break
        say(f"{damaged} vectors in the cache are damaged and are computed again")
    else:
        raise RunnerError(f"vectors just written to {cache.cache_dir} come back damaged; check that disk")
    for config, path in paths.items():
        remove_others(path, config.key)
    run = _summarise(images, hashed, usable, paths, forward.outcome, clock)
    if run.passes:
        say(_throughput(run))
    return run


def _usable(images: ImageSet, hashed: HashedImages, outcome: ForwardOutcome) -> list[int]:
    """The indices of the images that have a vector under every config."""
    usable = [i for i, value in enumerate(hashed.by_image) if value is not None and value not in outcome.failed]
    if not usable and len(images):
        first = _skipped(images, hashed, outcome)[0]
        raise RunnerError(f"none of the {len(images)} images can be used; the first, {first.path}: {first.reason}")
    return usable


def _skipped(images: ImageSet, hashed: HashedImages, outcome: ForwardOutcome) -> list[SkippedImage]:
    reasons = (
        hashed.errors[index] if value is None else outcome.failed.get(value)
        for index, value in enumerate(hashed.by_image)
    )
    return [
        SkippedImage(name, reason)
        for index, reason in enumerate(reasons)
        if reason is not None
        for name in images.names_of(index)
    ]


def _summarise(
    images: ImageSet,
    hashed: HashedImages,
    usable: Sequence[int],
    paths: Mapping[EmbeddingConfig, Path],
    outcome: ForwardOutcome,
    clock: StageClock,
) -> EmbeddingRun:
    kept = {hashed.by_image[index] for index in usable}
    used = images.subset(usable)

    def counts(*keys: str) -> Counts:
        embedded = len(set().union(*(outcome.embedded.get(key, set()) for key in keys)) & kept)
        return Counts(embedded, len(used.names) - embedded)

    return EmbeddingRun(
        images=used,
        embeddings=tuple(Embedding(c.key, c, path, dimension_of(path)) for c, path in paths.items()),
        skipped=tuple(_skipped(images, hashed, outcome)),
        counts=counts(*(config.key for config in paths)),
        counts_by_key={config.key: counts(config.key) for config in paths},
        seconds=clock.seconds,
        passes=outcome.passes,
        device=outcome.device,
    )


def _throughput(run: EmbeddingRun) -> str:
    share = {stage: run.seconds.get(stage, 0.0) for stage in ("encode", "read", "write")}
    whole = sum(share.values()) or 1.0
    parts = ", ".join(f"{stage} {seconds / whole:.0%}" for stage, seconds in share.items())
    return f"{run.passes:,} forward passes on {run.device}, {run.images_per_second:.1f} images/s ({parts})"
