"""Flags made from the fields of ``ExperimentConfig``: their names, help texts, choices and defaults."""

from __future__ import annotations

import argparse
from enum import StrEnum
from types import UnionType
from typing import Any, Union, get_args, get_origin

from runner.config import ExperimentConfig

GROUPS: dict[str, tuple[str, ...]] = {
    "images": (
        "images",
        "dataset",
        "samples",
        "embeddings",
        "paths",
        "labels",
        "sample",
        "target",
        "pairs",
        "pair_weight",
    ),
    "embedding": (
        "models",
        "resolutions",
        "preprocess",
        "precision",
        "device",
        "batch_size",
        "force_embeddings",
        "cache_dir",
    ),
    "clustering": ("mode", "algorithms", "spaces", "max_trials", "trial_timeout", "seed", "workers"),
    "results": ("out", "experiment_name", "tracking_uri", "top", "write_fields", "fresh"),
}
"""Settings that have a flag, by the section of the help text; the others are reached by ``--set``."""

METAVARS = {
    "images": "DIR",
    "dataset": "NAME",
    "samples": "FILE",
    "labels": "folder|FIELD",
    "embeddings": "FILE",
    "paths": "FILE",
    "pairs": "FILE",
    "target": "PATH",
    "models": "MODEL",
    "resolutions": "PIXELS",
    "preprocess": "FIT",
    "precision": "FORMAT",
    "batch_size": "N",
    "cache_dir": "DIR",
    "algorithms": "NAME",
    "spaces": "SPACE",
    "max_trials": "N",
    "trial_timeout": "SECONDS",
    "seed": "N",
    "workers": "N",
    "out": "DIR",
    "experiment_name": "NAME",
    "tracking_uri": "URI",
    "top": "N",
}


def add_setting(group: Any, name: str) -> None:
    """The flag of one setting, with its help text and default from ``ExperimentConfig``."""
    field = ExperimentConfig.model_fields[name]
    flag = f"--{name.replace('_', '-')}"
    text = field.description or ""
    kind = _plain_type(field.annotation)
    if kind is bool:
        group.add_argument(flag, dest=name, action="store_true", default=argparse.SUPPRESS, help=text)
        return
    choices = _enumeration(kind)
    if choices:
        text += f": {', '.join(choices)}"
    if field.default not in (None, ()):
        shown = field.default if not isinstance(field.default, tuple) else " ".join(map(str, field.default))
        text += f" (default: {shown})"
    many = get_origin(kind) is tuple
    group.add_argument(
        flag,
        dest=name,
        nargs="+" if many else None,
        default=argparse.SUPPRESS,
        metavar=METAVARS.get(name, name.upper()),
        help=text,
    )


def _plain_type(annotation: Any) -> Any:
    """The annotation without ``None``."""
    if get_origin(annotation) in (Union, UnionType):
        kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
        return kinds[0]
    return annotation


def _enumeration(kind: Any) -> list[str]:
    """The values of an enumeration, or of a tuple of its members."""
    inner = get_args(kind)[0] if get_origin(kind) is tuple else kind
    return [member.value for member in inner] if isinstance(inner, type) and issubclass(inner, StrEnum) else []


def settings(options: argparse.Namespace) -> dict[str, Any]:
    """The settings that were given on the command line."""
    return {name: value for name, value in vars(options).items() if name in ExperimentConfig.model_fields}
