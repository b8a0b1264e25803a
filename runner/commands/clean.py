"""``runner clean``: free the room that a results folder takes besides the results."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from runner.commands.subparsers import add_command, add_results
from runner.errors import RunnerError

EPILOG = """\
The results are never touched. By default goes what killed runs left half written, and the neighbours and trees of image
sets and models that the results are not of. With --all also what the results were made from, finished trials included:
the same `runner experiment` command then runs them again. Vectors stay in the cache, see `runner cache`.
"""


def add(commands: Any) -> None:
    command = add_command(commands, "clean", "free the room that results take besides the results", run, EPILOG)
    add_results(command)
    command.add_argument("--all", action="store_true", help="also what the results were made from")
    command.add_argument("--dry-run", action="store_true", help="only say what would be deleted")


def run(options: argparse.Namespace) -> None:
    from runner.results.lock import sole_writer
    from runner.results.work_folder import all_work, leftovers, unused_work, with_checksums
    from runner.utils.disk_usage import in_units, size_of
    from runner.utils.leftovers import remove

    out = options.results
    if not out.is_dir() or not _is_ours(out):
        raise RunnerError(f"{out} is not a results folder, so that nothing in it is deleted; name one")
    with sole_writer(out, print):
        doomed = with_checksums([*leftovers(out), *(all_work(out) if options.all else unused_work(out))])
        doomed = list(dict.fromkeys(doomed))
        freed = size_of(*doomed)
        for path in doomed:
            print(f"{'would delete' if options.dry_run else 'deleted'} {path} ({in_units(size_of(path))})")
            if not options.dry_run:
                remove(path)
    if doomed:
        print(f"{in_units(freed)} {'would be' if options.dry_run else 'are'} free")
    else:
        print(f"nothing to delete in {out}")


def _is_ours(out: Path) -> bool:
    """Whether an experiment, or a search for duplicates or similar images, has written into ``out``."""
    from runner.duplicates.outputs import OWN_FILES as DUPLICATES
    from runner.results.archive import fingerprint_of
    from runner.results.lock import LOCK
    from runner.results.paths import WORK
    from runner.similar.outputs import OWN_FILES as SIMILAR

    has_worked = (out / WORK / LOCK).exists()  # even if it was killed before there were results
    return has_worked or fingerprint_of(out) is not None or DUPLICATES.are_in(out) or SIMILAR.are_in(out)
