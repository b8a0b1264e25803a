"""Where models run, and in which number format."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch

from runner.embed.embedding_config import Precision
from runner.errors import RunnerError

_DTYPES = {Precision.FLOAT16: torch.float16, Precision.BFLOAT16: torch.bfloat16}


def select_device(name: str) -> torch.device:
    """The device called ``name``; ``auto`` is CUDA where there is one, else MPS, else the CPU.

    Raises:
        RunnerError: this machine or this build of torch has no such device.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    device = torch.device(name)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise RunnerError(f"there is no CUDA device here for {name}; use --device cpu or auto")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise RunnerError(
            f"there is no {name}, only {torch.cuda.device_count()} CUDA devices; use --device cuda or auto"
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise RunnerError("there is no MPS device here; use --device cpu or auto")
    return device


def autocast(device: torch.device, precision: Precision) -> AbstractContextManager[object]:
    """A context in which matrix products run in ``precision``, and what would lose by it stays in float32."""
    if precision is Precision.FLOAT32:
        return nullcontext()
    return torch.autocast(device.type, dtype=_DTYPES[precision])


def require_precision(device: torch.device, precision: Precision) -> None:
    """Raise RunnerError if ``device`` can't compute in ``precision``; found by trying."""
    if precision is Precision.FLOAT32:
        return
    try:
        with torch.inference_mode(), autocast(device, precision):
            pixels = torch.ones(1, 3, 8, 8, device=device)
            features = torch.nn.Conv2d(3, 4, 4, stride=4, device=device)(pixels).flatten(2)
            torch.nn.functional.scaled_dot_product_attention(features, features, features)
            torch.nn.Linear(4, 4, device=device)(features)
    except (RuntimeError, TypeError) as error:
        raise RunnerError(f"{device} can't compute in {precision} ({error}); use --precision float32") from error


def free_memory(device: torch.device) -> int | None:
    """Bytes of a graphics card's memory that are free; None for devices that use the machine's."""
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else None


def release_memory(device: torch.device) -> None:
    """Give back what torch's allocators hold in reserve."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
