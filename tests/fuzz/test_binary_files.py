"""Files of vectors and of weights, and the files beside them that say what they are for."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save

from runner.embed.families.autoencoder import autoencoder_recipe, read_record
from runner.embed.families.open_clip import open_clip_architectures
from runner.embed.recipe_resolver import _described, _from_checkpoint
from runner.embed.weights.local_checkpoint import CONFIG_NAME, find_weights
from runner.embed.weights.state_dict import read_state_dict
from runner.errors import RunnerError
from runner.images.precomputed import load_precomputed
from tests.fuzz.property import as_json, damaged, files, numbers, objects, value_or_sentence


def _npy() -> bytes:
    file = io.BytesIO()
    np.save(file, np.ones((3, 4), np.float32))
    return file.getvalue()


def _pt() -> bytes:
    file = io.BytesIO()
    torch.save({"visual.a": torch.ones(2)}, file)
    return file.getvalue()


SHAPE = {"latent": 8, "resolution": 64, "fit": "resize"}
AUTOENCODER = save({"a": torch.ones(2)}, metadata={"autoencoder": json.dumps(SHAPE)})
VISION = objects(
    image_size=st.integers(-1, 300) | st.lists(st.integers(1, 99), max_size=2),
    layers=st.integers(-1, 14) | st.lists(st.integers(1, 4), max_size=4),
    width=st.integers(-1, 800),
    patch_size=st.integers(-1, 40),
)
OPEN_CLIP = objects(
    model_cfg=objects(embed_dim=numbers, vision_cfg=VISION, text_cfg=st.just({}), quick_gelu=st.booleans()),
    preprocess_cfg=objects(
        mean=st.lists(numbers, max_size=4), std=st.lists(numbers, max_size=4), interpolation=st.text()
    ),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@given(content=files(_npy()))
def test_vectors(content: bytes, folder: Path) -> None:
    path = folder / "vectors.npy"
    path.write_bytes(content)
    value_or_sentence(lambda: load_precomputed(path), str(path))


@given(
    shape=st.lists(numbers, max_size=3),
    kind=st.sampled_from(["<f4", ">f8", "|O", "<M8", "V0", "<f3", "[('a','<f4')]"]) | st.text(max_size=6),
    order=st.booleans() | st.text(max_size=3),
)
def test_headers_of_vectors(shape: list[Any], kind: str, order: object, folder: Path) -> None:
    size = ", ".join(as_json(side).decode() for side in shape)
    header = f"{{'descr': {kind!r}, 'fortran_order': {order!r}, 'shape': ({size},)}}\n".encode("latin-1", "replace")
    path = folder / "vectors.npy"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", min(len(header), 65535)) + header + b"\0" * 64)
    value_or_sentence(lambda: load_precomputed(path), str(path))


@given(content=damaged(AUTOENCODER) | damaged(_pt()), suffix=st.sampled_from([".safetensors", ".pt"]))
def test_checkpoints(content: bytes, suffix: str, folder: Path) -> None:
    path = folder / f"weights{suffix}"
    path.write_bytes(content)
    value_or_sentence(lambda: find_weights(path), str(path))
    value_or_sentence(lambda: read_state_dict(path), str(path))
    value_or_sentence(lambda: autoencoder_recipe(path), str(path))


@given(shape=objects(latent=st.integers(), resolution=st.integers(), fit=st.text(max_size=5)), wrapped=st.booleans())
def test_headers_of_autoencoders(shape: dict[str, Any], wrapped: bool, folder: Path) -> None:
    inner = as_json(shape).decode()
    header = as_json({"__metadata__": {"autoencoder": inner if wrapped else shape}})
    path = folder / "autoencoder.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header)
    recipe = value_or_sentence(lambda: autoencoder_recipe(path), str(path))
    assert recipe is None or 16 <= recipe.resolution <= 8192


@pytest.mark.parametrize("resolution", [0, 15, 10**7, 10**400])
def test_autoencoders_of_no_sensible_size(resolution: int, tmp_path: Path) -> None:
    header = as_json({"__metadata__": {"autoencoder": as_json({**SHAPE, "resolution": resolution}).decode()}})
    (tmp_path / "a.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    with pytest.raises(RunnerError, match="is no autoencoder"):
        autoencoder_recipe(tmp_path / "a.safetensors")


@given(content=files(b'{"loss": "l1", "epochs": []}'))
def test_records_of_trainings(content: bytes, folder: Path) -> None:
    (folder / "training.json").write_bytes(content)
    read_record(folder / "autoencoder.safetensors")


@given(content=OPEN_CLIP.map(as_json) | files(b'{"model_cfg": {"embed_dim": 8, "vision_cfg": {"image_size": 32}}}'))
def test_configurations_of_checkpoints(content: bytes, folder: Path) -> None:
    (folder / "described").mkdir(exist_ok=True)
    (folder / "described" / CONFIG_NAME).write_bytes(content)
    weights = folder / "described" / "model.safetensors"
    weights.touch()
    where = str(weights.parent)
    value_or_sentence(lambda: _described("mine", str(weights), weights.parent, weights), where)
    architecture = open_clip_architectures()["ViT-B-32"]
    value_or_sentence(lambda: _from_checkpoint("ViT-B-32", architecture, weights), where)


@pytest.mark.parametrize(
    "content", ['{"model_cfg": 3}', '{"preprocess_cfg": "x"}', '{"preprocess_cfg": {"std": [0, 1, 1]}}', "["]
)
def test_configurations_name_their_file(content: str, tmp_path: Path) -> None:
    (tmp_path / CONFIG_NAME).write_text(content)
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(RunnerError, match=CONFIG_NAME):
        _from_checkpoint("ViT-B-32", open_clip_architectures()["ViT-B-32"], tmp_path / "model.safetensors")
