"""How many images go through a network at once in the memory that there is."""

from __future__ import annotations

from typing import Any

import torch

TENSORS = 6
"""Tensors of the size of the largest output of a layer that a forward pass holds at its peak, an upper bound.

Measured on a CPU with batches of 16: ResNet-50 4.3, Swin-T 4.3, CLIP's ViT-B-32 3.3, ConvNeXt-T 3.1,
EfficientNet-B0 2.8.
"""

SHARE = 0.7
"""Share of the free memory that a forward pass may take; images that are being decoded need some as well."""


def fitting_batch(network: torch.nn.Module, image: torch.Tensor, free: int) -> int:
    """Images whose forward pass fits into ``free`` bytes; 0 if a single one may not.

    Args:
        network: in evaluation mode, on the CPU.
        image: float32, shape (1, 3, height, width); goes through the network once.
        free: bytes.
    """
    return int(SHARE * free / (TENSORS * _largest_output(network, image)))


def _largest_output(network: torch.nn.Module, image: torch.Tensor) -> int:
    """Bytes of the largest tensor that any layer makes of one image."""
    largest = image.nbytes

    def look(layer: torch.nn.Module, inputs: Any, output: Any) -> None:
        nonlocal largest
        if isinstance(output, torch.Tensor):
            largest = max(largest, output.nbytes)

    hooks = [layer.register_forward_hook(look) for layer in network.modules()]
    try:
        with torch.inference_mode():
            network(image)
    finally:
        for hook in hooks:
            hook.remove()
    return largest
