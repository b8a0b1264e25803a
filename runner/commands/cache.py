"""``runner cache``: look after what is kept of embeddings and trained autoencoders."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from runner.commands.flags import Flags
from runner.commands.subparsers import add_command
from runner.config import ExperimentConfig

FLAGS = Flags(ExperimentConfig)


def add(commands: Any) -> None:
    command = add_command(commands, "cache", "look after kept embeddings and trained autoencoders", run)
    command.add_argument("action", choices=("ls", "verify", "prune"), help="list, look for damage, or delete")
    command.add_argument("keys", nargs="*", metavar="KEY", help="only these, as `ls` names them (default: all)")
    command.add_argument("--older-than", type=float, metavar="DAYS", help="prune: only what was not used for so long")
    FLAGS.add(command, ["cache_dir"])


def run(options: argparse.Namespace) -> None:
    from runner.embed.commands import run_cache_command

    cache_dir = Path(FLAGS.value(options, "cache_dir"))
    run_cache_command(options.action, cache_dir, options.keys, older_than_days=options.older_than, say=print)
