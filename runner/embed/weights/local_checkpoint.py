"""Checkpoint files and folders on this machine: finding them, and what can be told about them without loading."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

from runner.errors import RunnerError
from runner.utils.text_files import read_json, shown

CONFIG_NAME = "open_clip_config.json"
"""File in which open_clip describes a checkpoint: network (``model_cfg``) and preprocessing (``preprocess_cfg``)."""

CONFIG_REMEDY = "get it again from where the checkpoint is from, or keep the checkpoint in a folder without it"
"""What to do about a configuration file that says nothing usable."""

_SUFFIXES = (".safetensors", ".pt", ".pth", ".bin", ".ckpt")
_USUAL_NAMES = (
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.safetensors",
    "open_clip_pytorch_model.bin",
    "model.safetensors",
    "pytorch_model.bin",
)


def starts_like_path(text: str) -> bool:
    """Whether ``text`` can only be a path: absolute, or relative to a folder that it states."""
    return re.match(r"[/\\~]|\.\.?[/\\]|[A-Za-z]:[/\\]", text) is not None


def looks_like_path(text: str) -> bool:
    """Whether ``text``, given where a tag could be, means a file or folder."""
    return starts_like_path(text) or "/" in text or "\\" in text or text.endswith(_SUFFIXES)


def find_weights(path: Path) -> Path:
    """The checkpoint file that ``path`` means: itself, or the one in the folder.

    Raises:
        RunnerError: there is none, or more than one and none with a usual name, or it holds a program.
    """
    weights = path if path.is_file() else _weights_in(path)
    _refuse_torchscript(weights)
    return weights


def _weights_in(folder: Path) -> Path:
    if not folder.is_dir():
        raise RunnerError(f"the checkpoint {folder} does not exist")
    for name in _USUAL_NAMES:
        if (folder / name).is_file():
            return folder / name
    found = sorted(file for file in folder.iterdir() if file.suffix in _SUFFIXES)
    if len(found) != 1:
        names = ", ".join(file.name for file in found) or f"no file ending in {', '.join(_SUFFIXES)}"
        raise RunnerError(f"the folder {folder} holds {names}: name the checkpoint file itself")
    return found[0]


def read_config(folder: Path) -> dict[str, Any] | None:
    """The checkpoint's ``open_clip_config.json`` in ``folder``; None if there is none.

    Raises:
        RunnerError: it can't be read, is not JSON, or its parts are no objects.
    """
    path = folder / CONFIG_NAME
    if not path.is_file():
        return None
    config = read_json(path, "the configuration")
    if not isinstance(config, dict):
        raise RunnerError(f"{path} does not hold a JSON object; {CONFIG_REMEDY}")
    for name in ("model_cfg", "preprocess_cfg"):
        if not isinstance(config.get(name, {}), dict):
            raise RunnerError(f"{path}: {name} is {shown(config[name])} and no JSON object; {CONFIG_REMEDY}")
    return config


def says_quick_gelu(path: Path) -> bool:
    """Whether the file's name says that the weights were trained with QuickGELU, as open_clip's own downloads do."""
    return "quickgelu" in re.sub(r"[^a-z]", "", path.name.lower())


def _refuse_torchscript(path: Path) -> None:
    """OpenAI's own files are programs (TorchScript), not tables of numbers."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except Exception:  # no archive, or a damaged one, of which zipfile raises many types; who reads it says so
        return
    if any(name.endswith("/constants.pkl") for name in names) and any("/code/" in name for name in names):
        raise RunnerError(
            f"{path} is a TorchScript archive, which can run code when loaded: save the model's state_dict() instead, "
            "or use the tag openai, whose weights are the same"
        )
