"""Reading the tensors of a checkpoint, and nothing but tensors."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from runner.errors import RunnerError
from runner.utils.text_files import shown

StateDict = dict[str, torch.Tensor]

_WRAPPERS = ("state_dict_ema", "model_ema", "state_dict", "model")
"""Names under which training programs keep the tensors beside an optimizer's state; the averaged ones first."""

_PREFIXES = ("_orig_mod.", "module.", "_orig_mod.")
"""What ``torch.compile`` and ``DistributedDataParallel`` put before every name, in either order."""


def read_state_dict(path: Path) -> StateDict:
    """The tensors in a ``.safetensors`` file or one that ``torch.save`` wrote, on the CPU; floats as float32.

    Raises:
        RunnerError: the file is damaged, holds more than tensors (which could run code), or no tensors.
    """
    tensors = _read(path)
    for wrapper in _WRAPPERS:
        inner = tensors.get(wrapper)
        if isinstance(inner, Mapping):
            tensors = inner
            break
    state_dict = {
        _plain_name(name): value
        for name, value in tensors.items()
        if isinstance(name, str) and isinstance(value, torch.Tensor)
    }
    if not state_dict:
        raise RunnerError(f"{path} holds no tensors; save the model's state_dict()")
    return {name: value.float() if value.is_floating_point() else value for name, value in state_dict.items()}


def _read(path: Path) -> Mapping[Any, object]:
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise RunnerError(
            f"{path} is damaged or holds more than tensors, which could run code when loaded; "
            "save the model's state_dict() instead"
        ) from error
    except Exception as error:  # a damaged file makes the readers raise nearly every type there is
        raise RunnerError(f"the checkpoint {path} can't be read ({_first_line(error)}); get it again") from error
    if not isinstance(loaded, Mapping):
        raise RunnerError(f"{path} holds a {type(loaded).__name__}, not a state_dict; save the model's state_dict()")
    return loaded


def load_into(network: torch.nn.Module, state_dict: StateDict, path: Path | None, name: str) -> None:
    """Make ``state_dict``'s tensors those of ``network``, which must have exactly the same.

    Raises:
        RunnerError: names or shapes differ; the message counts them and shows the first.
    """
    own = network.state_dict()
    wrong = [f"{key} is missing" for key in own if key not in state_dict]
    wrong += [f"{key} is unknown" for key in state_dict if key not in own]
    wrong += [
        f"{key} has another shape" for key in own if key in state_dict and own[key].shape != state_dict[key].shape
    ]
    if wrong:
        raise RunnerError(f"{path} does not fit {name}: of {len(own)} tensors {len(wrong)} differ, e.g. {wrong[0]}")
    network.load_state_dict(state_dict, strict=True, assign=True)


def _plain_name(name: str) -> str:
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return name


def _first_line(error: Exception) -> str:
    return shown((str(error).splitlines() or [type(error).__name__])[0])
