"""Batches are as large as the memory allows, by what a forward pass really takes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from runner.embed import encoder as encoders
from runner.embed.batch_memory import SHARE, TENSORS, fitting_batch
from runner.embed.embedding_config import Precision
from runner.embed.encoder import Encoder
from runner.embed.recipe_resolver import ModelResolver

LARGEST = 4 * 64 * 32 * 32  # bytes of the convolution's output

PEAK = """
import sys, torch, timm
from runner.embed.batch_memory import TENSORS, _largest_output
def status(key):
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith(key))
network = timm.create_model(sys.argv[1], num_classes=0).eval().to(memory_format=torch.channels_last)
batch = torch.rand(24, 3, 160, 160)
bound = TENSORS * len(batch) * _largest_output(network, batch[:1]) + 32 * 2**20
with torch.inference_mode():
    network(batch[:2])
    open("/proc/self/clear_refs", "w").write("5")
    before = status("VmRSS")
    network(batch)
print((status("VmHWM") - before) / bound)
"""


def small_network() -> torch.nn.Module:
    layers = torch.nn.Conv2d(3, 64, 3, padding=1), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()
    return torch.nn.Sequential(*layers).eval()


@pytest.mark.parametrize(("images", "fitting"), [(10.5, 10), (1.5, 1), (0.5, 0)])
def test_as_many_as_fit(images: float, fitting: int) -> None:
    free = int(images * TENSORS * LARGEST / SHARE)
    assert fitting_batch(small_network(), torch.rand(1, 3, 32, 32), free) == fitting


def test_little_memory_makes_smaller_batches_and_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    recipe = ModelResolver(tmp_path).resolve("efficientnet_lite0")
    network = {32: small_network()}
    said: list[str] = []
    batch = torch.randint(0, 256, (7, 3, 32, 32), dtype=torch.uint8)

    def encoder() -> Encoder:
        return Encoder(network, recipe.preprocessing, torch.device("cpu"), Precision.FLOAT32, name="M", say=said.append)

    expected = encoder().encode(batch)
    monkeypatch.setattr(encoders, "free_memory", lambda: int(3.5 * TENSORS * LARGEST / SHARE))
    assert encoder().encode(batch) == pytest.approx(expected, abs=1e-6)
    assert said == ["there is little memory: M at 32 px runs in batches of 3"]


@pytest.mark.check
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("name", ["resnet18", "vit_tiny_patch16_224", "convnext_atto"])
def test_a_forward_pass_takes_no_more_than_planned(name: str) -> None:
    size = ", img_size=160" if name.startswith("vit") else ""
    code = PEAK.replace("num_classes=0", "num_classes=0" + size)
    done = subprocess.run([sys.executable, "-c", code, name], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 1
