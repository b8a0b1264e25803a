"""How a command joins the command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any


def add_command(
    commands: Any, name: str, summary: str, run: Callable[[argparse.Namespace], None], epilog: str | None = None
) -> argparse.ArgumentParser:
    """A parser for the command ``name`` whose options are handed to ``run``.

    Args:
        commands: what ``ArgumentParser.add_subparsers`` gave.
        name: what the user types.
        summary: one line, lower case, without a full stop.
        run: does the command.
        epilog: text below the flags, in lines that stay as they are.
    """
    command: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=f"{summary[:1].upper()}{summary[1:]}.",
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter if epilog else argparse.HelpFormatter,
    )
    command.set_defaults(run=run)
    return command


def add_results(command: argparse.ArgumentParser) -> None:
    """The results folder of a finished experiment, as the argument ``results``."""
    command.add_argument(
        "results",
        type=Path,
        nargs="?",
        default=Path("results"),
        metavar="RESULTS",
        help="results folder (default: results)",
    )
