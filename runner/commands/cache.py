"""``runner cache``: look after what is kept of embeddings and trained autoencoders."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from runner.commands.flags import Flags
from runner.commands.subparsers import add_command
from runner.config.experiment import ExperimentConfig

FLAGS = Flags(ExperimentConfig)
MOST_DAYS = 36_500


def add(commands: Any) -> None:
    command = add_command(commands, "cache", "look after kept embeddings and trained autoencoders", run)
    command.add_argument("action", choices=("ls", "verify", "prune"), help="list, look for damage, or delete")
    command.add_argument(
        "keys",
        nargs="*",
        metavar="KEY",
        help="only these, as `ls` names them (default: all; but prune without --older-than drops only what is damaged)",
    )
    command.add_argument("--older-than", type=_days, metavar="DAYS", help="prune: what was not used for so long")
    FLAGS.add(command, ["cache_dir"])


def _days(text: str) -> float:
    try:
        days = float(text)
    except ValueError:
        days = -1.0
    if not 0 <= days <= MOST_DAYS:
        raise argparse.ArgumentTypeError(f"must be 0 to {MOST_DAYS:,} days, got {text}")
    return days


def run(options: argparse.Namespace) -> None:
    from runner.commands.cache_actions import run_cache_command

    cache_dir = Path(FLAGS.value(options, "cache_dir"))
    run_cache_command(options.action, cache_dir, options.keys, older_than_days=options.older_than, say=print)
