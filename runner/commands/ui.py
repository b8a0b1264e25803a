"""``runner ui``: the MLflow page of an experiment."""

from __future__ import annotations

import argparse
from typing import Any

from runner.commands.subparsers import add_command, add_results


def add(commands: Any) -> None:
    command = add_command(commands, "ui", "open the MLflow page of an experiment", run)
    add_results(command)
    command.add_argument("--port", type=int, help="port on 127.0.0.1 (default: a free one from 5000)")
    command.add_argument("--no-open", action="store_true", help="print the address only")


def run(options: argparse.Namespace) -> None:
    from runner.integrations.mlflow.server import show_experiment

    show_experiment(options.results, port=options.port, open_browser=not options.no_open)
