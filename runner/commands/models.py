"""``runner models``: the models that can be named."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runner.commands.subparsers import add_command
from runner.errors import RunnerError


def add(commands: Any) -> None:
    command = add_command(commands, "models", "list known models and their weights", run)
    command.add_argument("pattern", nargs="?", default="", help="only names that contain this")


def run(options: argparse.Namespace) -> None:
    for line in list_models(options.pattern):
        print(line)


def list_models(pattern: str = "", cache_dir: Path | None = None) -> Iterator[str]:
    """A line for each known model whose name contains ``pattern``: name, size of its input, where its weights are.

    Raises:
        RunnerError: there is none.
    """
    from runner.embed.resolve_models import DEFAULT_CACHE_DIR, known_models

    models = known_models(pattern, cache_dir or DEFAULT_CACHE_DIR)
    if not models:
        raise RunnerError(f"no known model has {pattern!r} in its name")
    width = max(len(model.name) for model in models)
    for model in models:
        default = "  default" if model.is_default else ""
        yield f"{model.name:{width}}  {model.resolution:4} px  {model.location}{default}"
