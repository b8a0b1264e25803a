"""The images of a search under its model."""

from __future__ import annotations

from collections.abc import Callable

from runner.embed.cache import EmbeddingCache
from runner.embed.models import resolve_models
from runner.embed.pipeline import EmbeddingRun, embed_images
from runner.images.image_set import ImageSet
from runner.output.layout import WORK
from runner.search_config import SearchConfig


def embed_searched(images: ImageSet, config: SearchConfig, say: Callable[[str], None]) -> EmbeddingRun:
    """Embed a folder's images; the one matrix of the run lies in the work folder of the results.

    Raises:
        UsageError, RunnerError: as ``resolve_models`` and ``embed_images`` do.
    """
    resolutions = [] if config.resolution is None else [config.resolution]
    resolved = resolve_models([config.model], resolutions, [config.preprocess], cache_dir=config.cache_dir)
    for note in resolved.notes:
        say(f"note        {note}")
    return embed_images(
        images,
        resolved.configs,
        cache=EmbeddingCache(config.cache_dir),
        out_dir=config.folder / WORK,
        device=config.device,
        batch_size=config.batch_size,
        say=say,
    )
