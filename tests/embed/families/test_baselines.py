"""The baselines: pixels and HOG."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from runner.embed.cache.embedding_cache import EmbeddingCache
from runner.embed.pipeline import embed_images
from runner.embed.resolve_models import known_models, resolve_models
from runner.errors import UsageError
from runner.images.image_set import ImageSet

MakeImageSet = Callable[..., ImageSet]


def test_pixels_are_the_downscaled_image(tmp_path: Path, image_set: MakeImageSet) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    (tmp_path / "images").mkdir()
    Image.fromarray(pixels).save(tmp_path / "images" / "a.png")
    configs = resolve_models(["pixels:16"], cache_dir=tmp_path / "cache").configs
    run = embed_images(
        image_set(tmp_path / "images"), configs, cache=EmbeddingCache(tmp_path / "cache"), out_dir=tmp_path / "out"
    )
    expected = (pixels.transpose(2, 0, 1).ravel() / 255 - 0.5) / 0.5
    assert np.allclose(np.load(run.embeddings[0].vectors_path)[0], expected / np.linalg.norm(expected), atol=1e-6)


def test_a_flat_image_has_a_vector_and_is_like_no_other(tmp_path: Path, photos: Path, image_set: MakeImageSet) -> None:
    Image.new("RGB", (50, 40), "white").save(photos / "white.png")
    Image.new("RGB", (50, 40), "black").save(photos / "zblack.png")
    configs = resolve_models(["hog", "pixels"], [224], cache_dir=tmp_path / "cache").configs
    run = embed_images(image_set(photos), configs, cache=EmbeddingCache(tmp_path / "cache"), out_dir=tmp_path / "out")
    assert not run.skipped
    hog = np.load(run.embeddings[0].vectors_path)
    white = run.images.ids.index("white.png")
    assert hog.shape[1] == 7 * 7 * 4 * 9 + 1
    assert np.delete(hog @ hog[white], white).max() < 0.01


def test_keys_hold_what_changes_the_vector(tmp_path: Path) -> None:
    names = ["pixels:16", "pixels:32", "hog:4", "hog:8"]
    assert len({config.key for config in resolve_models(names, cache_dir=tmp_path).configs}) == 4
    assert resolve_models(["pixels"], cache_dir=tmp_path) == resolve_models(["pixels:32"], cache_dir=tmp_path)


def test_sizes_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="pixels:64 needs images of 64 px"):
        resolve_models(["pixels:64"], [32], cache_dir=tmp_path)
    with pytest.raises(UsageError, match="pixels:big must name the pixels along each side"):
        resolve_models(["pixels:big"], cache_dir=tmp_path)


def test_models_lists_them() -> None:
    assert [model.name for model in known_models("hog")] == ["hog:8"]
