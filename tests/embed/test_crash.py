"""Two processes embed the same images into the same cache at once, and one of them is killed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from runner.embed.cache.embedding_cache import EmbeddingCache
from runner.embed.embedding_config import Fit
from runner.embed.pipeline import embed_images
from runner.embed.resolve_models import resolve_models
from runner.images.image_set import ImageSet

SCRIPT = Path(__file__).with_name("embed_folder.py")
DONE_BEFORE = 12  # of 48 forward passes


@pytest.mark.check
def test_a_killed_process_damages_nothing_and_what_it_computed_is_kept(
    tiny_model: Path,
    tmp_path: Path,
    image_set: Callable[..., ImageSet],
    write_photos: Callable[[Path, range], list[Path]],
) -> None:
    photos, cache_dir = tmp_path / "photos", tmp_path / "cache"
    write_photos(photos, range(24))
    command = [sys.executable, SCRIPT, tiny_model, photos, cache_dir, tmp_path / "doomed", DONE_BEFORE]
    doomed = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True)
    assert doomed.stdout is not None
    done = next(int(line) for line in doomed.stdout if int(line) >= DONE_BEFORE)

    cache = EmbeddingCache(cache_dir)
    configs = resolve_models([str(tiny_model)], [32, 48], [Fit.RESIZE], cache_dir=cache_dir).configs
    meanwhile = embed_images(image_set(photos), configs, cache=cache, out_dir=tmp_path / "a", progress=lambda *_: None)
    assert doomed.poll() is None, "it should have been at work all the while"
    doomed.kill()
    doomed.wait()

    assert 0 < meanwhile.passes <= 48 - done
    assert len(meanwhile.images) == 24
    assert all(state.damaged == 0 for state in cache.verify().values())
    again = embed_images(image_set(photos), configs, cache=cache, out_dir=tmp_path / "b")
    assert again.passes == 0
    fresh = EmbeddingCache(tmp_path / "fresh")
    untouched = embed_images(image_set(photos), configs, cache=fresh, out_dir=tmp_path / "c", progress=lambda *_: None)
    for one, expected in zip(again.embeddings, untouched.embeddings, strict=True):
        np.testing.assert_allclose(np.load(one.vectors_path), np.load(expected.vectors_path), atol=1e-6)
