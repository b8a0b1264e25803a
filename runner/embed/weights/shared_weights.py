"""Several sizes of one network in the memory of one."""

from __future__ import annotations

import copy
from collections.abc import Callable
from itertools import chain

import torch


def clone_sharing_weights(network: torch.nn.Module) -> torch.nn.Module:
    """A copy whose parameters and buffers are the original's own, until one of the two gets others."""
    tensors = {id(tensor): tensor for tensor in chain(network.parameters(), network.buffers())}
    return copy.deepcopy(network, tensors)


def build_empty(build: Callable[[], torch.nn.Module]) -> torch.nn.Module:
    """What ``build`` makes, without memory for its tensors and without the time to fill them with random numbers."""
    with torch.device("meta"):
        return build()


def has_empty_tensors(network: torch.nn.Module) -> bool:
    """Whether a network from ``build_empty`` still lacks a tensor, such as a buffer that no checkpoint holds."""
    return any(tensor.is_meta for tensor in chain(network.parameters(), network.buffers()))


def build_random(build: Callable[[], torch.nn.Module], seed: int) -> torch.nn.Module:
    """What ``build`` makes with its random numbers drawn from ``seed``; the global generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build()
