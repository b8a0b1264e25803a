"""Checkpoints trained at another size than their architecture's: their own output at that size, one resampling at any
other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import timm
import torch

from runner.embed.embedding_config import Fit, Precision
from runner.embed.encoder import load_encoder
from runner.embed.recipe import ModelRecipe
from runner.embed.recipe_resolver import ModelResolver
from runner.errors import RunnerError

Resolve = Callable[[str], ModelRecipe]

TEXT = {"context_length": 4, "vocab_size": 8, "width": 16, "heads": 2, "layers": 1}
"""A text tower in place of the real one, which is large."""


@pytest.fixture
def resolve(tmp_path: Path) -> Resolve:
    return ModelResolver(tmp_path / "cache").resolve


def _scrambled(network: Any) -> Any:
    """Position embeddings and biases are drawn anew, as those that a library starts from are nearly zero."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, tensor in network.named_parameters():
            if any(part in name for part in ("pos", "rel", "bias_table")):
                tensor.copy_(torch.randn(tensor.shape, generator=generator) / 2)
    return network.eval()


def _pixels(size: int) -> torch.Tensor:
    return torch.randint(0, 256, (2, 3, size, size), dtype=torch.uint8, generator=torch.Generator().manual_seed(size))


def _vectors(recipe: ModelRecipe, size: int) -> np.ndarray:
    return load_encoder(recipe, [size], torch.device("cpu"), Precision.FLOAT32).encode(_pixels(size))


def _expected(network: Callable[[torch.Tensor], torch.Tensor], recipe: ModelRecipe, size: int) -> np.ndarray:
    preprocessing = recipe.preprocessing
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (preprocessing.mean, preprocessing.std))
    with torch.inference_mode():
        return network((_pixels(size) / 255 - mean) / std).numpy()


def _assert_same(found: np.ndarray, expected: np.ndarray) -> None:
    assert np.linalg.norm(found - expected) <= 1e-5 * np.linalg.norm(expected)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("test_vit", 128),  # a class token
        ("test_vit", 64),
        ("test_vit3", 192),  # none
        ("test_vit4", 96),  # registers, rotary position embeddings
    ],
)
def test_own_output_at_the_trained_size_and_one_resampling_elsewhere(
    name: str, size: int, tmp_path: Path, resolve: Resolve
) -> None:
    torch.manual_seed(0)
    trained = _scrambled(timm.create_model(name, img_size=size, num_classes=0))
    torch.save(trained.state_dict(), tmp_path / "model.pt")
    recipe = resolve(f"timm/{name}:{tmp_path / 'model.pt'}")
    assert recipe.resolution == size == recipe.trained_size
    _assert_same(_vectors(recipe, size), _expected(trained, recipe, size))
    trained.set_input_size((2 * size, 2 * size))
    _assert_same(_vectors(recipe, 2 * size), _expected(trained, recipe, 2 * size))


@pytest.mark.parametrize("scaled", [False, True])
def test_windows_of_swin(scaled: bool, tmp_path: Path, resolve: Resolve) -> None:
    name = "swin_tiny_patch4_window7_224"
    torch.manual_seed(0)
    trained: Any = timm.create_model(name, num_classes=0, img_size=224 if scaled else 128)
    if scaled:
        trained.set_input_size((128, 128))
    trained = _scrambled(trained)
    torch.save(trained.state_dict(), tmp_path / "model.pt")
    recipe = resolve(f"timm/{name}:{tmp_path / 'model.pt'}")
    assert (recipe.trained_size, recipe.fixed_windows) == (128, not scaled)
    _assert_same(_vectors(recipe, 128), _expected(trained, recipe, 128))
    keys = {size: recipe.config(size, Fit.RESIZE, Precision.FLOAT32).weights_fingerprint for size in (128, 224)}
    assert (keys[128] == recipe.fingerprint) and (keys[224] == recipe.fingerprint) == scaled


def test_keys_of_what_was_right_stay(tmp_path: Path, resolve: Resolve) -> None:
    torch.manual_seed(0)
    for name, size in (("native", 160), ("other", 128)):
        torch.save(timm.create_model("test_vit", img_size=size).state_dict(), tmp_path / f"{name}.pt")
    native, other = (resolve(f"timm/test_vit:{tmp_path / name}.pt") for name in ("native", "other"))
    assert native.trained_size is None and native.fingerprint == native.fingerprint_at(96)
    assert ModelRecipe(**{**vars(other), "trained_size": None}).fingerprint != other.fingerprint
    assert resolve(f"timm/test_vit:{tmp_path / 'other'}.pt") == other  # remembered


def test_a_grid_that_is_no_square_is_refused(tmp_path: Path, resolve: Resolve) -> None:
    torch.save(timm.create_model("test_vit", img_size=(128, 192)).state_dict(), tmp_path / "model.pt")
    with pytest.raises(RunnerError, match=r"does not fit timm/test_vit: pos_embed .* is that of no square image"):
        resolve(f"timm/test_vit:{tmp_path / 'model.pt'}")


@pytest.mark.parametrize(("name", "size"), [("ViT-S-32", 160), ("vit_relpos_medium_patch16_cls_224", 96)])
def test_open_clip_with_another_image_size(name: str, size: int, tmp_path: Path, resolve: Resolve) -> None:
    torch.manual_seed(0)
    trained = _scrambled(open_clip.create_model(name, force_image_size=size, text_cfg=TEXT))
    torch.save(trained.state_dict(), tmp_path / "model.pt")
    recipe = resolve(f"{name}:{tmp_path / 'model.pt'}")
    _assert_same(_vectors(recipe, size), _expected(trained.encode_image, recipe, size))
