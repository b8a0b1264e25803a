"""What the tests of embedding share: images, a tiny model with its checkpoint, and somewhere to keep things."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from runner.embed.embedding_config import EmbeddingConfig, Fit
from runner.embed.resolve_models import resolve_models
from runner.images.image_set import ImageSet

TINY_CONFIG: dict[str, Any] = {
    "model_cfg": {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "patch_size": 8, "width": 32, "layers": 2, "head_width": 16},
        "text_cfg": {"context_length": 8, "vocab_size": 16, "width": 16, "heads": 2, "layers": 1},
    },
    "preprocess_cfg": {"mean": [0.4, 0.5, 0.6], "std": [0.2, 0.3, 0.25], "interpolation": "bicubic"},
}
"""A real open_clip vision transformer, as small as they get: 32 px, 16 dimensions."""


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a checkpoint of the tiny model, described by its ``open_clip_config.json``."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("models") / "tiny"
    folder.mkdir()
    (folder / "open_clip_config.json").write_text(json.dumps(TINY_CONFIG))
    torch.manual_seed(3)
    model = open_clip.CLIP(**TINY_CONFIG["model_cfg"])
    save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    return folder


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder for facts about models, which cost time to find out."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def tiny_configs(tiny_model: Path, shared_cache: Path) -> tuple[EmbeddingConfig, ...]:
    """The tiny model at two resolutions and with all three fits."""
    return resolve_models([str(tiny_model)], [32, 48], list(Fit), cache_dir=shared_cache).configs


@pytest.fixture(scope="session")
def write_photos() -> Callable[[Path, range], list[Path]]:
    """``write_photos(folder, seeds)`` makes colourful PNG and JPEG images named by their seeds."""
    return _write_photos


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of twelve images, no two alike, of many shapes."""
    folder = tmp_path / "photos"
    _write_photos(folder, range(12))
    return folder


def _write_photos(folder: Path, seeds: range) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        coarse = Image.fromarray(rng.integers(0, 256, (4, 5, 3), dtype=np.uint8))
        width, height = (int(side) for side in rng.integers(30, 200, 2))
        path = folder / f"{seed:03d}{'.jpg' if seed % 3 == 0 else '.png'}"
        coarse.resize((width, height), Image.Resampling.BICUBIC).save(path)
        paths.append(path)
    return paths


@pytest.fixture(scope="session")
def image_set() -> Callable[..., ImageSet]:
    """``image_set(folder)`` holds the folder's files by name, ``image_set(folder, paths)`` those given."""

    def make(folder: Path, paths: list[Path] | None = None) -> ImageSet:
        chosen = sorted(path for path in folder.rglob("*") if path.is_file()) if paths is None else paths
        return ImageSet(tuple(path.relative_to(folder).as_posix() for path in chosen), tuple(chosen), folder)

    return make
