"""Near-duplicates by perceptual hash: the share of equal bits, all pairs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

import numpy as np

from runner.cluster.hamming_tree import hamming_tree
from runner.duplicates.bursts import cosines, tree_within
from runner.duplicates.links import LinkRequest, Links
from runner.embed.cache.embedding_cache import EmbeddingCache
from runner.embed.cache.matrix_files import matrix_path
from runner.embed.embedding_config import EmbeddingConfig, Fit
from runner.embed.hashed_images import HashedFile, hash_images
from runner.errors import RunnerError
from runner.images.decode import UnreadableImageError, decode_image
from runner.images.image_set import ImageSet, SkippedImage
from runner.images.similarity.featureless import is_flat, pixel_digest
from runner.images.similarity.hashes import Phash
from runner.images.source import require_enough
from runner.utils.progress import progress_bar

SIDE = 8
"""The hash has SIDE × SIDE bits. With 16 × 16 most re-encodes were found later, and no fewer strangers."""

DECODED_FOR = 128
"""Shortest side, in pixels, that images are decoded for; the hash itself looks at 32 × 32."""

FEW_BITS = SIDE * SIDE // 8
"""Half of a hash's bits are set, those above the median. Where fewer are than this, hardly anything differed from it,
and the picture is looked at again."""

_FILES_PER_COMMIT = 4096
_THREADS = 4


def link_perceptual_hash(request: LinkRequest) -> Links:
    """Share of equal bits of ImageHash's ``phash``.

    A hash is kept in the embedding cache like any embedding, its bits as ±1, so that the cosine of two of them is
    1 - 2 · differing bits / all bits. Of a picture in which the hash finds nothing no bit is set.
    """
    config = EmbeddingConfig("phash", "imagehash", _fingerprint(), SIDE, Fit.RESIZE)
    cache = EmbeddingCache(request.cache_dir)
    hashed = hash_images(request.images, cache.cache_dir)
    reasons = dict(hashed.errors)
    failed = _compute(cache, config, {value: hashed.files[value] for value in cache.missing(config.key, hashed.files)})
    reasons |= {
        row: failed[value] for row, value in enumerate(hashed.by_image) if value is not None and value in failed
    }
    usable = [row for row in range(len(request.images)) if row not in reasons]
    skipped = tuple(SkippedImage(request.images.ids[row], reasons[row]) for row in sorted(reasons))
    images = request.images.subset(usable)
    require_enough(images, request.images.location or request.config.asked_for, skipped)
    contents = [hashed.by_image[row] or "" for row in usable]
    path = matrix_path(request.work_folder, config.key, contents)
    damaged = cache.stream_to_npy(config.key, contents, path)
    _compute(cache, config, {value: hashed.files[value] for value in damaged})
    if damaged and cache.stream_to_npy(config.key, contents, path):
        raise RunnerError(f"hashes just written to {cache.cache_dir} come back damaged; check that disk")
    vectors = np.load(path, mmap_mode="r", allow_pickle=False)
    bits = np.asarray(vectors) > 0
    featureless = _featureless(images, bits)
    if request.window is None:
        tree = hamming_tree(bits, featureless)
    else:
        window = request.window.of(np.array(usable))
        tree = tree_within(window, lambda pairs: _equal_bits(cosines(vectors, pairs)), featureless)
    measure = f"share of equal bits among {SIDE * SIDE} of the perceptual hash"
    return Links(images, skipped, tree, measure, vectors, _equal_bits)


def _equal_bits(cosines: np.ndarray) -> np.ndarray:
    """The share of equal bits, by the cosines of bits as ±1."""
    return (1 + cosines) / 2


def _fingerprint() -> str:
    return f"ImageHash {version('ImageHash')}, decoded for {DECODED_FOR}"


def _featureless(images: ImageSet, bits: np.ndarray) -> dict[int, bytes]:
    """The digest of each picture in which the hash finds nothing, by row.

    Hashes alone don't tell them from pictures with few bits set; those of earlier versions have one, too.
    """
    rows = np.flatnonzero(bits.sum(axis=1) < FEW_BITS).tolist()
    with ThreadPoolExecutor(_THREADS) as pool:
        digests = pool.map(_digest_if_featureless, (images.paths[row] for row in rows))
        return {row: digest for row, digest in zip(rows, digests, strict=True) if digest is not None}


def _digest_if_featureless(path: Path) -> bytes | None:
    try:
        image = decode_image(path, at_least=DECODED_FOR)
    except UnreadableImageError:  # since it was hashed; what can't be looked at is like no other
        return str(path).encode()
    return pixel_digest(image) if is_flat(Phash().levels(image)) else None


def _compute(cache: EmbeddingCache, config: EmbeddingConfig, files: dict[str, HashedFile]) -> dict[str, str]:
    """Hash what is missing, a commit at a time; why not, by content, where that fails."""
    failed: dict[str, str] = {}
    with ThreadPoolExecutor(_THREADS) as pool, progress_bar(len(files), "perceptual hashes", "image") as bar:
        for start in range(0, len(files), _FILES_PER_COMMIT):
            part = list(files.items())[start : start + _FILES_PER_COMMIT]
            done: dict[str, np.ndarray] = {}
            for (content, _), outcome in zip(part, pool.map(lambda item: _signs(item[1].path), part), strict=True):
                if isinstance(outcome, str):
                    failed[content] = outcome
                else:
                    done[content] = outcome
                bar.update()
            if done:
                cache.append(config, list(done), np.stack(list(done.values())))
    return failed


def _signs(path: Path) -> np.ndarray | str:
    """The bits of one image's hash as ±1, float32, shape (SIDE²,); or why there is none."""
    from imagehash import phash

    try:
        image = decode_image(path, at_least=DECODED_FOR)
    except UnreadableImageError as error:
        return error.reason
    bits = phash(image, hash_size=SIDE).hash.ravel() & (not is_flat(Phash().levels(image)))
    return np.where(bits, 1.0, -1.0).astype(np.float32)
