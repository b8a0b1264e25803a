"""Embeds a folder, slowly from some point on, for the test that kills it: MODEL PHOTOS CACHE OUT FAST_PASSES."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from runner.embed.cache import vector_writer
from runner.embed.cache.embedding_cache import EmbeddingCache
from runner.embed.embedding_config import Fit
from runner.embed.pipeline import embed_images
from runner.embed.resolve_models import resolve_models
from runner.images.image_set import ImageSet


def main() -> None:
    model, photos, cache_dir, out = map(Path, sys.argv[1:5])
    vector_writer.SECONDS_PER_COMMIT = 0.0  # a commit after every batch
    configs = resolve_models([str(model)], [32, 48], [Fit.RESIZE], cache_dir=cache_dir).configs
    paths = sorted(photos.iterdir())

    def pause(done: int, total: int) -> None:
        print(done, flush=True)
        if done >= int(sys.argv[5]):
            time.sleep(2)

    run = embed_images(
        ImageSet(tuple(path.name for path in paths), tuple(paths)),
        configs,
        cache=EmbeddingCache(cache_dir),
        out_dir=out,
        batch_size=2,
        progress=pause,
    )
    print("passes", run.passes)


if __name__ == "__main__":
    main()
