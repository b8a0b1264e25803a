"""``runner models``: the models that can be named."""

from __future__ import annotations

import argparse
from typing import Any

from runner.commands.subparsers import add_command


def add(commands: Any) -> None:
    command = add_command(commands, "models", "list known models and their weights", run)
    command.add_argument("pattern", nargs="?", default="", help="only names that contain this")


def run(options: argparse.Namespace) -> None:
    from runner.embed.commands import list_models

    for line in list_models(options.pattern):
        print(line)
