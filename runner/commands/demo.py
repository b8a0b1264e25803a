"""``runner demo``: everything, on images that installed packages carry."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from runner.commands.experiment import tell_failed
from runner.commands.subparsers import add_command


def add(commands: Any) -> None:
    command = add_command(
        commands, "demo", "run everything on real images that come with installed packages; no network", run
    )
    command.add_argument(
        "--out", type=Path, default=Path("demo-results"), help="results folder (default: demo-results)"
    )


def run(options: argparse.Namespace) -> None:
    from runner.demo import run_demo

    tell_failed(run_demo(options.out, say=print))
