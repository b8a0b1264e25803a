"""The images of a search under its model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from runner.config.search import SearchConfig
from runner.embed.cache.embedding_cache import EmbeddingCache
from runner.embed.families.baselines import striped_rows
from runner.embed.pipeline import EmbeddingRun, embed_images
from runner.embed.resolve_models import resolve_models
from runner.images.decode import UnreadableImageError, decode_image
from runner.images.image_set import ImageSet
from runner.images.similarity.featureless import is_flat, pixel_digest
from runner.results.paths import WORK


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


def featureless_images(
    model: str, fineness: str, resolution: int | None, vectors: np.ndarray, paths: Sequence[Path]
) -> dict[int, bytes]:
    """The images of which the vectors of a baseline say nothing, by row, with the digest of their pixels.

    Without a direction of its own, such a vector is that of any other colour, or of the padding. Trained models see
    colours; none of their vectors is among these.

    Args:
        model: of the vectors, a baseline or not.
        fineness: what follows its colon.
        resolution: side of the square that it looks at, in pixels.
        vectors: unit length, float32, shape (n, d).
        paths: the n image files.
    """
    rows = striped_rows(model, fineness, vectors).tolist()
    digests = {row: _digest_if_plain(paths[row], resolution or 1) for row in rows}
    return {row: digest for row, digest in digests.items() if digest is not None}


def _digest_if_plain(path: Path, side: int) -> bytes | None:
    """None where the image, reduced to ``side`` × ``side`` pixels, has more than one colour."""
    try:
        image = decode_image(path)
    except UnreadableImageError:  # since it was embedded; what can't be looked at is like no other
        return str(path).encode()
    reduced = np.asarray(image.resize((side, side), Image.Resampling.BOX))
    plain = all(is_flat(reduced[:, :, channel]) for channel in range(3))
    return pixel_digest(image) if plain else None
