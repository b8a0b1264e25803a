"""From images to one matrix of vectors per embedding config, computing only what the cache does not have."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from runner.embed.cache import EmbeddingCache
from runner.embed.embedding_config import Embedding, EmbeddingConfig
from runner.embed.forward import ForwardPasses, Missing
from runner.embed.image_reader import stamp
from runner.errors import RunnerError
from runner.images.content_hash import ContentHashes
from runner.images.image_set import ImageSet, SkippedImage
from runner.images.stat_table import FileStamp

Say = Callable[[str], None]
Progress = Callable[[int, int], object]
"""Told how many forward passes are done, and of how many."""

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
        embeddings: one per config, in the order of the configs, aligned with ``images``.
        skipped: the other images.
        counts: over all configs; an image is embedded if it needed any forward pass, and
            ``embedded + cached + len(skipped)`` is the number of images given.
        counts_by_key: for each embedding key.
        seconds: wall time by stage: ``hash`` and ``look_up``, then of the forward passes ``load`` (the models), ``read``
            (waiting for images), ``encode`` and ``write`` (to the cache), and ``stream`` (from the cache).
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
    """What one embedding will cost: images in the cache, and forward passes to make."""

    key: str
    cached: int
    missing: int


def plan_embeddings(
    images: ImageSet, configs: Sequence[EmbeddingConfig], cache: EmbeddingCache, *, force: bool = False
) -> list[EmbeddingPlan]:
    """What ``embed_images`` will have to do for each config. Files that can't be read count as cached."""
    hashes = _hash(images, cache)
    plans = []
    for config in configs:
        missing = len(hashes.unique) if force else len(cache.missing(config.key, hashes.unique))
        plans.append(EmbeddingPlan(config.key, len(images) - missing, missing))
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
    say: Say = lambda line: None,
) -> EmbeddingRun:
    """Embed ``images`` under every config and write one ``.npy`` file per config into ``out_dir``.

    What is in the cache is not computed again, be the file renamed, moved or there twice; if nothing is missing, no
    model is loaded and torch is not imported. Vectors are in the cache half a minute after they were computed, so an
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
        progress: told what is done; None shows a bar on stderr.
        say: told what is going on, line by line.

    Raises:
        RunnerError: weights can't be loaded, the device can't be used, no image can, or the disk is full.
    """
    clock = Clock()
    with clock.time("hash"):
        hashes = _hash(images, cache)
    with clock.time("look_up"):
        missing = {
            config: list(hashes.unique) if force else cache.missing(config.key, hashes.unique) for config in configs
        }
    passes = ForwardPasses(
        cache, device=device, batch_size=batch_size, decode_workers=decode_workers, progress=progress, say=say
    )
    stale = force
    for _ in range(_ROUNDS):
        passes.run(_with_files(missing, hashes))
        usable = [i for i, value in enumerate(hashes.by_image) if value is not None and value not in passes.failed]
        if not usable:
            raise RunnerError(_nothing_usable(images, hashes, passes.failed))
        with clock.time("stream"):
            rows = [value for i in usable if (value := hashes.by_image[i]) is not None]
            files = {config: _matrix_path(out_dir, config.key, rows) for config in configs}
            missing = {
                config: [] if _is_there(path, len(rows)) and not stale else cache.stream_to_npy(config.key, rows, path)
                for config, path in files.items()
            }
        if not any(missing.values()):
            break
        damaged = sum(map(len, missing.values()))
        say(f"{damaged} damaged vectors in the cache are computed again")
    else:
        raise RunnerError(f"vectors just written to {cache.cache_dir} come back damaged; check that disk")
    for config, path in files.items():
        _remove_others(path, config.key)
    return _run(images, hashes, usable, files, passes, clock)


class Clock:
    """Wall time by stage, added up."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def time(self, stage: str) -> _Stage:
        return _Stage(self.seconds, stage)
