"""How a command joins the command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any


def add_command(commands: Any, name: str, summary: str, run: Callable[[argparse.Namespace], None]) -> Any:
    """A parser for the command ``name`` whose options are handed to ``run``.

    Args:
        commands: what ``ArgumentParser.add_subparsers`` gave.
        name: what the user types.
        summary: one line, lower case, without a full stop.
        run: does the command.
    """
    command = commands.add_parser(name, help=summary, description=summary[:1].upper() + summary[1:] + ".")
    command.set_defaults(run=run)
    return command
