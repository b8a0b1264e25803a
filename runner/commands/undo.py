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
    command.add_argument(
        "--trust",
        action="store_true",
        help="also follow a manifest that was written elsewhere, by someone else or by an earlier version; without "
        "this, what it says is listed and nothing is done",
    )


def run(options: argparse.Namespace) -> None:
    from runner.commands.export_lines import undo_lines, undo_plan
    from runner.export.undo import UnknownManifestError, undo_export

    try:
        undone = undo_export(options.folder, trust=options.trust)
    except UnknownManifestError as unknown:
        print("\n".join(undo_plan(options.folder, unknown.manifest)))
        raise
    print("\n".join(undo_lines(options.folder, undone)))
    if undone.kept:
        raise RunnerError(
            f"{len(undone.kept)} files in {options.folder} are not as the export left them, and were kept: some may be "
            "the only ones there are; bring them where they belong, and call this again for the rest"
        )
