from __future__ import annotations

import json
import logging
import pickle
import shutil
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import timm
import torch
from sklearn.datasets import load_sample_image

from runner.embed.embedding_config import Precision
from runner.embed.encoder import Encoder, load_encoder
from runner.embed.preprocess import normalize
from runner.embed.recipe import ModelRecipe
from runner.embed.recipe_resolver import ModelResolver
from runner.errors import RunnerError

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.WARNING)  # open_clip warns of every model without weights
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def resolve(shared_cache: Path) -> Callable[[str], ModelRecipe]:
    return ModelResolver(shared_cache).resolve


def pixels(resolution: int, n: int = 3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(resolution)
    return torch.randint(0, 256, (n, 3, resolution, resolution), dtype=torch.uint8, generator=generator)


def fed(batch: torch.Tensor, recipe: ModelRecipe) -> torch.Tensor:
    return normalize(batch, recipe.preprocessing.mean, recipe.preprocessing.std)


def unit(vectors: np.ndarray | torch.Tensor) -> np.ndarray:
    vectors = np.asarray(vectors)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def assert_same(ours: np.ndarray, reference: torch.Tensor) -> None:
    np.testing.assert_allclose(unit(ours), unit(reference), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "resolutions"),
    [
        ("ViT-S-32", [224, 160, 336]),  # open_clip's own vision transformer, 336 is not a multiple of its patches
        ("ViT-S-32-alt", [224]),
        ("convnext_tiny", [224, 96]),  # a network of timm's inside
        ("vit_relpos_medium_patch16_cls_224", [224, 96]),
        ("MobileCLIP2-S0", [256, 128]),
    ],
)
def test_vectors_are_open_clips_encode_image(
    name: str, resolutions: list[int], tmp_path: Path, resolve: Callable[[str], ModelRecipe]
) -> None:
    text = {"context_length": 4, "vocab_size": 8, "width": 16, "heads": 2, "layers": 1}  # the real one is large
    checkpoint = tmp_path / "model.pt"
    torch.manual_seed(1)
    torch.save(open_clip.create_model(name, text_cfg=text).state_dict(), checkpoint)
    recipe = resolve(f"{name}:{checkpoint}")
    encoder = load_encoder(recipe, resolutions, CPU, Precision.FLOAT32)
    for resolution in resolutions:
        batch = pixels(resolution, n=2)
        reference = open_clip.create_model(
            name, pretrained=str(checkpoint), force_image_size=resolution, text_cfg=text
        ).eval()
        with torch.inference_mode():
            assert_same(encoder.encode(batch), reference.encode_image(fed(batch, recipe)))


def test_described_checkpoint_and_shared_weights(tiny_model: Path, resolve: Callable[[str], ModelRecipe]) -> None:
    recipe = resolve(str(tiny_model))
    encoder = load_encoder(recipe, [32, 48], CPU, Precision.FLOAT32)
    for resolution in (32, 48):
        reference = open_clip.create_model(f"local-dir:{tiny_model}", force_image_size=resolution).eval()
        batch = pixels(resolution)
        with torch.inference_mode():
            assert_same(encoder.encode(batch), reference.encode_image(fed(batch, recipe)))
    small, large = (dict(encoder._networks[r].named_parameters()) for r in (32, 48))
    own = {name for name in small if small[name].data_ptr() != large[name].data_ptr()}
    assert own == {"positional_embedding"}


def test_quick_gelu_is_real(tiny_model: Path, tmp_path: Path, resolve: Callable[[str], ModelRecipe]) -> None:
    config = json.loads((tiny_model / "open_clip_config.json").read_text())
    config["model_cfg"]["quick_gelu"] = True
    (tmp_path / "open_clip_config.json").write_text(json.dumps(config))
    shutil.copy(tiny_model / "open_clip_model.safetensors", tmp_path)
    batch = pixels(32)
    plain, quick = (
        load_encoder(resolve(str(folder)), [32], CPU, Precision.FLOAT32).encode(batch)
        for folder in (tiny_model, tmp_path)
    )
    reference = open_clip.create_model(f"local-dir:{tmp_path}").eval()
    with torch.inference_mode():
        assert_same(quick, reference.encode_image(fed(batch, resolve(str(tmp_path)))))
    assert np.abs(unit(plain) - unit(quick)).max() > 1e-4


@pytest.mark.parametrize(
    ("name", "classes", "resolutions"),
    [("resnet10t", 1000, [96, 160]), ("test_vit", 7, [160, 96]), ("test_vit", 0, [128])],
)
def test_vectors_are_timms_features(
    name: str, classes: int, resolutions: list[int], tmp_path: Path, resolve: Callable[[str], ModelRecipe]
) -> None:
    torch.manual_seed(2)
    trained: Any = timm.create_model(name, num_classes=classes)
    checkpoint = tmp_path / "model.pth"
    torch.save({"epoch": 3, "state_dict": {f"module.{k}": v for k, v in trained.state_dict().items()}}, checkpoint)
    recipe = resolve(f"timm/{name}:{checkpoint}")
    encoder = load_encoder(recipe, resolutions, CPU, Precision.FLOAT32)
    trained.reset_classifier(0)
    for resolution in resolutions:
        if hasattr(trained, "set_input_size"):
            trained.set_input_size((resolution, resolution))
        batch = pixels(resolution, n=2)
        with torch.inference_mode():
            assert_same(encoder.encode(batch), trained.eval()(fed(batch, recipe)))


def test_bundled_weights_know_what_they_see(resolve: Callable[[str], ModelRecipe]) -> None:
    encoder = load_encoder(resolve("efficientnet_lite0"), [224], CPU, Precision.FLOAT32)
    flower, temple = (torch.from_numpy(load_sample_image(name).copy()) for name in ("flower.jpg", "china.jpg"))
    crops = [
        image[top : top + 224, left : left + 224] for image in (flower, temple) for top, left in ((90, 150), (150, 210))
    ]
    vectors = unit(encoder.encode(torch.stack(crops).permute(0, 3, 1, 2)))
    similarity = vectors @ vectors.T
    assert vectors.shape == (4, 1280)
    assert min(similarity[0, 1], similarity[2, 3]) > similarity[:2, 2:].max() + 0.2


def test_random_weights_come_from_their_seed(resolve: Callable[[str], ModelRecipe]) -> None:
    torch.manual_seed(5)
    before = torch.rand(1)
    torch.manual_seed(5)
    batch = pixels(64, n=1)
    names = ["timm/resnet10t:random", "timm/resnet10t:random-0", "timm/resnet10t:random-1"]
    one, same, other = (load_encoder(resolve(name), [64], CPU, Precision.FLOAT32).encode(batch) for name in names)
    assert torch.rand(1) == before  # the global generator is untouched
    np.testing.assert_array_equal(one, same)
    assert not np.allclose(one, other)


@pytest.mark.parametrize("precision", [Precision.FLOAT16, Precision.BFLOAT16])
def test_half_precision_is_close_and_not_the_same(
    tiny_model: Path, resolve: Callable[[str], ModelRecipe], precision: Precision
) -> None:
    exact, half = (
        load_encoder(resolve(str(tiny_model)), [32], CPU, kind).encode(pixels(32))
        for kind in (Precision.FLOAT32, precision)
    )
    assert half.dtype == np.float32
    assert not np.array_equal(exact, half)
    assert (unit(exact) * unit(half)).sum(axis=1).min() > 0.999


def test_checkpoints_that_do_not_fit(tiny_model: Path, tmp_path: Path, resolve: Callable[[str], ModelRecipe]) -> None:
    def refusal(name: str) -> str:
        with pytest.raises(RunnerError) as caught:
            load_encoder(resolve(name), [224], CPU, Precision.FLOAT32)
        return str(caught.value)

    foreign = tiny_model / "open_clip_model.safetensors"
    assert "does not fit timm/resnet10t" in refusal(f"timm/resnet10t:{foreign}")
    copy = tmp_path / "model.safetensors"
    copy.write_bytes(foreign.read_bytes())
    assert "does not fit ViT-S-32: of 152 tensors 152 differ" in refusal(f"ViT-S-32:{copy}")
    torch.save({"other": torch.zeros(2)}, tmp_path / "text.pt")
    assert "no image tower" in refusal(f"ViT-S-32:{tmp_path / 'text.pt'}")
    torch.save({"note": "nothing"}, tmp_path / "empty.pt")
    assert "no tensors" in refusal(f"ViT-S-32:{tmp_path / 'empty.pt'}")
    copy.write_bytes(foreign.read_bytes()[:-100])
    assert "can't be read" in refusal(f"ViT-S-32:{copy}")
    (tmp_path / "text.bin").write_text("not a checkpoint")
    assert "ViT" not in refusal(f"ViT-S-32:{tmp_path / 'text.bin'}").partition("text.bin")[2]


def test_nothing_in_a_checkpoint_is_run(tmp_path: Path, resolve: Callable[[str], ModelRecipe]) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "sprung",)  # type: ignore[return-value]

    for name, save in (("a.pt", torch.save), ("b.bin", lambda trap, path: path.write_bytes(pickle.dumps(trap)))):
        save({"state_dict": Trap()}, tmp_path / name)
        with pytest.raises(RunnerError, match="more than tensors"):
            load_encoder(resolve(f"ViT-S-32:{tmp_path / name}"), [224], CPU, Precision.FLOAT32)
    assert not (tmp_path / "sprung").exists()


class Scarce(torch.nn.Module):
    """Sums up pixels, as long as there are few images at once or they are on the CPU."""

    def __init__(self, at_most: int, error: Exception, only_off_cpu: bool = False) -> None:
        super().__init__()
        self.at_most, self.error, self.only_off_cpu = at_most, error, only_off_cpu
        self.sizes: list[int] = []

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        self.sizes.append(len(batch))
        if len(batch) > self.at_most and not (self.only_off_cpu and batch.device.type == "cpu"):
            raise self.error
        return batch.sum(dim=(2, 3))


OUT_OF_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("MPS backend out of memory (MPS allocated: 9.05 GB)"),
    RuntimeError(
        "[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory: you tried to allocate"
    ),
    MemoryError(),
]


def scarce_encoder(network: Scarce, resolve: Callable[[str], ModelRecipe], said: list[str]) -> Encoder:
    preprocessing = resolve("efficientnet_lite0").preprocessing
    return Encoder({16: network}, preprocessing, CPU, Precision.FLOAT32, name="M", say=said.append)


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=lambda error: type(error).__name__)
def test_out_of_memory_halves_the_batch(error: Exception, resolve: Callable[[str], ModelRecipe]) -> None:
    said: list[str] = []
    network = Scarce(3, error)
    encoder = scarce_encoder(network, resolve, said)
    batch = pixels(16, n=13)
    expected = scarce_encoder(Scarce(99, error), resolve, []).encode(batch)
    np.testing.assert_array_equal(encoder.encode(batch), expected)
    np.testing.assert_array_equal(encoder.encode(batch), expected)
    # one image to plan by; then the size that works is kept
    assert network.sizes == [1, 13, 6, 3, 3, 3, 3, 1, 3, 3, 3, 3, 1]
    assert said == [f"cpu is out of memory: M goes on with batches of {size}" for size in (6, 3)]


def test_out_of_memory_for_one_image_moves_to_the_cpu(resolve: Callable[[str], ModelRecipe]) -> None:
    said: list[str] = []
    encoder = scarce_encoder(Scarce(0, OUT_OF_MEMORY[0], only_off_cpu=True), resolve, said)
    encoder.device = torch.device("meta")  # a device that every machine has
    batch = pixels(16, n=2)
    expected = scarce_encoder(Scarce(9, OUT_OF_MEMORY[0]), resolve, []).encode(batch)
    np.testing.assert_array_equal(encoder.encode(batch), expected)
    assert encoder.device == CPU
    assert said[-1] == "meta has no memory for a single image: M goes on on the CPU"


def test_weights_that_do_not_fit_the_device_go_to_the_cpu(resolve: Callable[[str], ModelRecipe]) -> None:
    class Heavy(Scarce):
        def to(self, *arguments: Any, **options: Any) -> Any:
            if torch.device("meta") in arguments:
                raise OUT_OF_MEMORY[0]
            return super().to(*arguments, **options)

    said: list[str] = []
    preprocessing = resolve("efficientnet_lite0").preprocessing
    network = Heavy(9, OUT_OF_MEMORY[0])
    encoder = Encoder({16: network}, preprocessing, torch.device("meta"), Precision.FLOAT32, name="M", say=said.append)
    assert encoder.device == CPU
    assert encoder.encode(pixels(16)).shape == (3, 3)
    assert said == ["meta has no memory for the weights of M, which goes on on the CPU"]


def test_out_of_memory_on_the_cpu_is_an_error(resolve: Callable[[str], ModelRecipe]) -> None:
    with pytest.raises(RunnerError, match="not enough memory for M at 16 px"):
        scarce_encoder(Scarce(0, OUT_OF_MEMORY[0]), resolve, []).encode(pixels(16))


def test_other_errors_are_not_swallowed(resolve: Callable[[str], ModelRecipe]) -> None:
    with pytest.raises(RuntimeError, match="something else"):
        scarce_encoder(Scarce(0, RuntimeError("something else")), resolve, []).encode(pixels(16))


def test_loaded_networks_are_complete(tiny_model: Path, resolve: Callable[[str], ModelRecipe]) -> None:
    network = load_encoder(resolve(str(tiny_model)), [32], CPU, Precision.FLOAT32)._networks[32]
    tensors = list(chain(network.parameters(), network.buffers()))
    assert tensors
    assert not any(tensor.is_meta or tensor.requires_grad for tensor in tensors)
    assert not network.training
