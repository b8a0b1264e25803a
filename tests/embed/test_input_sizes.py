from __future__ import annotations

from pathlib import Path

import pytest

from runner.embed.input_sizes import require_resolution
from runner.embed.recipe_resolver import ModelResolver
from runner.embed.resolve_models import resolve_models
from runner.errors import UsageError


@pytest.mark.parametrize(
    ("name", "resolution"),
    [
        ("RN50:random", 288),  # its attention pool has one embedding per position
        ("ViT-B-32:random", 31),  # less than a patch
        ("timm/mixer_s16_224:random", 160),
        ("timm/levit_128s:random", 256),
    ],
)
def test_sizes_that_a_model_cannot_take(name: str, resolution: int, shared_cache: Path) -> None:
    with pytest.raises(UsageError, match=rf"{name.partition(':')[0]} .*{resolution} px"):
        resolve_models([name], [resolution], cache_dir=shared_cache)


@pytest.mark.parametrize(
    ("name", "resolution"),
    [
        ("RN50:random", 224),
        ("ViT-B-32:random", 320),
        ("timm/mixer_s16_224:random", 224),
        ("timm/resnet18:random", 333),
        ("timm/vit_tiny_patch16_224:random", 448),
        ("efficientnet_lite0", 160),
    ],
)
def test_sizes_that_a_model_can_take(name: str, resolution: int, shared_cache: Path) -> None:
    recipe = ModelResolver(shared_cache).resolve(name)
    assert require_resolution(recipe, resolution, shared_cache) is None


def test_unused_pixels_are_told(shared_cache: Path) -> None:
    (note,) = (
        note for note in resolve_models(["ViT-B-32:random"], [336], cache_dir=shared_cache).notes if "patches" in note
    )
    assert "320 × 320" in note
    assert "320 or 352" in note


def test_a_damaged_memory_is_tried_again(shared_cache: Path, tmp_path: Path) -> None:
    recipe = ModelResolver(tmp_path).resolve("timm/mixer_s16_224:random")
    for _ in range(2):
        with pytest.raises(UsageError):
            require_resolution(recipe, 160, tmp_path)
        (memory,) = (tmp_path / "models").glob("sizes-timm-*/*.json")
        memory.write_text("{")
