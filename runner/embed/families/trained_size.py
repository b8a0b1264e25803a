"""The size of image that a checkpoint was trained at, told by the shapes of its position embeddings."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from itertools import zip_longest

import torch

from runner.embed.weights.state_dict import StateDict

_FURTHER_NAMES = {"pos_embed": "positional_embedding"}
"""What other authors call a tensor that timm's loading renames."""

_MOST_PREFIX_TOKENS = 8
"""Class and register tokens that position embeddings may have beside those of the square grid."""

_USUAL_STEP = 32
"""Networks with patches or strides below this many pixels take its multiples."""

_STEPS_AROUND = 3

Shapes = Mapping[str, tuple[int, ...]]


class NoSquareSizeError(ValueError):
    """A checkpoint's position embeddings are those of no square image; the message says of which tensor."""


def trained_size(at_size: Callable[[int], torch.nn.Module], native: int, patch: int, tensors: StateDict) -> int | None:
    """The side of the square images that a checkpoint was trained at.

    Args:
        at_size: makes the network for a size of image, without memory for its tensors; raises where it takes no such
            size.
        native: the size that its architecture is built for.
        patch: side of its patches; any number where it has none.
        tensors: the checkpoint's.

    Returns:
        None where the shapes don't tell: the network has no tensor that depends on the size, or the checkpoint has
        them under other names, or is that of another network.

    Raises:
        NoSquareSizeError: they are of no size that the network takes.
    """
    own = _shapes(at_size(native))
    try:
        larger = _shapes(at_size(2 * native))
    except (AssertionError, RuntimeError, ValueError, TypeError):  # the network takes one size only
        return None
    found = {name: _found(name, tensors) for name in own if own[name] != larger.get(name)}
    wanted = {name: tuple(tensor.shape) for name, tensor in found.items() if tensor is not None}
    if not wanted:
        return None
    if _fits(wanted, own):
        return native
    name, shape = next((name, shape) for name, shape in wanted.items() if not _is_same(shape, own[name]))
    estimate = native * math.sqrt(math.prod(shape) / math.prod(own[name]))
    for size in _sizes_near(estimate, patch if patch >= _USUAL_STEP // 4 else _USUAL_STEP):
        if _fits(wanted, _shapes(at_size(size))):
            return size
    if len(_differing(shape, own[name])) != 1:
        return None  # of another network
    raise NoSquareSizeError(f"{name} of shape {' × '.join(map(str, shape))} is that of no square image")


def _shapes(network: torch.nn.Module) -> Shapes:
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}


def _found(name: str, tensors: StateDict) -> torch.Tensor | None:
    """The checkpoint's tensor of that name, whatever prefix it has."""
    names = [name] + [name.replace(usual, other) for usual, other in _FURTHER_NAMES.items() if usual in name]
    return next((tensors[key] for key in tensors for each in names if key == each or key.endswith(f".{each}")), None)


def _fits(wanted: Shapes, own: Shapes) -> bool:
    return all(name in own and _is_same(shape, own[name]) for name, shape in wanted.items())


def _is_same(shape: tuple[int, ...], own: tuple[int, ...]) -> bool:
    """Whether two shapes are of the same grid, in which other authors may count further tokens."""
    differing = _differing(shape, own)
    if len(differing) != 1:
        return not differing
    grids = {math.isqrt(count) for count in differing[0]}
    return len(grids) == 1 and max(differing[0]) - min(grids) ** 2 <= _MOST_PREFIX_TOKENS


def _differing(shape: tuple[int, ...], own: tuple[int, ...]) -> list[tuple[int, int]]:
    """The sides that differ, of both; those of length 1 don't count, and one that only one of the two has is 0."""
    sides = ([side for side in each if side != 1] for each in (shape, own))
    return [(first, second) for first, second in zip_longest(*sides, fillvalue=0) if first != second]


def _sizes_near(estimate: float, step: int) -> Iterable[int]:
    """Multiples of ``step``, the nearest first."""
    middle = round(estimate / step)
    sizes = [step * (middle + away) for away in range(-_STEPS_AROUND, _STEPS_AROUND + 1) if middle + away > 0]
    return sorted(sizes, key=lambda size: abs(size - estimate))
