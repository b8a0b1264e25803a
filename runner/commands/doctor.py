"""``runner doctor``: what works on this machine."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from runner.commands.flags import Flags
from runner.commands.subparsers import add_command
from runner.config.experiment import ExperimentConfig

FLAGS = Flags(ExperimentConfig)


def add(commands: Any) -> None:
    command = add_command(commands, "doctor", "say what works on this machine, and what would help", run)
    FLAGS.add(command, ["cache_dir"])
    command.add_argument(
        "--compile",
        action="store_true",
        help="compile all numerical kernels now (a minute or two), which else happens in the first experiment",
    )


def run(options: argparse.Namespace) -> None:
    from runner.commands.machine_checks import examine

    cache_dir = Path(FLAGS.value(options, "cache_dir"))
    examine(cache_dir, say=print)
    if options.compile:
        from runner.commands.kernels import compile_kernels

        compile_kernels()
