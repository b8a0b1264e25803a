"""``runner report``: the ranking of a finished experiment on the terminal."""

from __future__ import annotations

import argparse
from typing import Any

from runner.commands.subparsers import add_command, add_results


def add(commands: Any) -> None:
    command = add_command(commands, "report", "print the ranking of a finished experiment", run)
    add_results(command)
    command.add_argument("--top", type=int, default=10, metavar="N", help="how many trials (default: 10)")


def run(options: argparse.Namespace) -> None:
    from runner.report.ranking_lines import ranking_lines
    from runner.results.files import read_summary

    print("\n".join(ranking_lines(read_summary(options.results), options.top)))
