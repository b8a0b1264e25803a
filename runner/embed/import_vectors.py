"""Ready-made vectors, brought into the form that embedded images have."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from runner.embed.cache.matrix_files import is_written
from runner.embed.embedding_config import Embedding
from runner.embed.pipeline import Counts, EmbeddingRun
from runner.images.image_set import ImageSet
from runner.utils.atomic import new_array
from runner.utils.checked_files import replaced_with_checksum

_ROWS_AT_A_TIME = 8192


def take_vectors(vectors_path: Path, rows: Sequence[int], images: ImageSet, out_dir: Path) -> EmbeddingRun:
    """L2-normalise rows of a ``.npy`` file into a float32 matrix of our own.

    Args:
        vectors_path: shape (m, dimension), any float dtype, every row finite and not zero.
        rows: the row of each image.
        images: what the rows stand for.
        out_dir: where the matrix goes, named by its content; found again if it is there.
    """
    vectors = np.load(vectors_path, mmap_mode="r", allow_pickle=False)
    chosen = np.asarray(rows)
    digest = hashlib.blake2b(digest_size=12)
    digest.update(chosen.astype("<i8").tobytes())
    for block in _blocks(chosen):
        digest.update(np.ascontiguousarray(vectors[block]).tobytes())
    key = f"precomputed-{digest.hexdigest()}"
    path = out_dir / f"{key}.npy"
    if not is_written(path, len(chosen)):
        out_dir.mkdir(parents=True, exist_ok=True)
        with replaced_with_checksum(path) as temporary:
            matrix = new_array(temporary, (len(chosen), vectors.shape[1]), np.float32)
            done = 0
            for block in _blocks(chosen):
                part = vectors[block].astype(np.float64)
                matrix[done : done + len(block)] = part / np.linalg.norm(part, axis=1, keepdims=True)
                done += len(block)
            matrix.flush()
    counts = Counts(embedded=0, cached=len(images.names))
    return EmbeddingRun(
        images=images,
        embeddings=(Embedding(key, None, path, vectors.shape[1]),),
        skipped=(),
        counts=counts,
        counts_by_key={key: counts},
    )


def _blocks(rows: np.ndarray) -> list[np.ndarray]:
    return [rows[start : start + _ROWS_AT_A_TIME] for start in range(0, len(rows), _ROWS_AT_A_TIME)]
