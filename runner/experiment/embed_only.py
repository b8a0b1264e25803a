"""The first half of an experiment alone: fill the embedding cache."""

from __future__ import annotations

from collections.abc import Callable

from runner.config.experiment import ExperimentConfig
from runner.embed.cache.embedding_cache import EmbeddingCache
from runner.embed.pipeline import EmbeddingRun, embed_images
from runner.experiment.model_set import ModelsOfImages
from runner.experiment.open_source import open_source
from runner.images.left_out import left_out_lines, skipped_lines
from runner.utils.scratch import scratch_folder


def embed_only(config: ExperimentConfig, say: Callable[[str], None] = lambda line: None) -> EmbeddingRun:
    """Fill the embedding cache for the images and models of ``config``; no sweep."""
    source = open_source(config)
    models = ModelsOfImages(config, source.images)
    cache = EmbeddingCache(config.cache_dir)
    for line in left_out_lines(source.skipped, source.unread_kinds):
        say(line)
    for note in models.notes():
        say(note)
    for planned in models.plan(cache, force=config.force_embeddings):
        say(f"{planned.key}: {planned.cached:,} in the cache, {planned.missing:,} to embed")
    with scratch_folder() as folder:
        run = embed_images(
            source.images,
            models.trained(config.device, config.workers, say),
            cache=cache,
            out_dir=folder,
            device=config.device,
            batch_size=config.batch_size,
            decode_workers=config.workers,
            force=config.force_embeddings,
            say=say,
        )
    say(f"{run.counts.embedded:,} images embedded, {run.counts.cached:,} were in the cache, {len(run.skipped)} skipped")
    for line in skipped_lines(run.skipped):
        say(line)
    return run
