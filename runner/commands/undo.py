"""``runner undo``: take an export back."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from runner.commands.subparsers import add_command
from runner.errors import RunnerError


def add(commands: Any) -> None:
    command = add_command(commands, "undo", "take an export back: moved images return, copies and links go", run)
    command.add_argument("folder", type=Path, metavar="DIR", help="what --to of the export was")


def run(options: argparse.Namespace) -> None:
    from runner.export.report import undo_lines
    from runner.export.undo import undo_export

    undone = undo_export(options.folder)
    print("\n".join(undo_lines(options.folder, undone)))
    if undone.kept:
        raise RunnerError(
            f"{len(undone.kept)} files in {options.folder} are not as the export left them, and were kept; "
            "put them right, or delete them, and call this again"
        )
