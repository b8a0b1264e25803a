"""The command line: parsing only. Every command hands over to the module that does the work."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from runner.commands import COMMANDS
from runner.errors import RunnerError
from runner.utils.interrupts import interruptible
from runner.utils.memory import is_out_of_memory
from runner.utils.system_errors import reason_and_remedy
from runner.version import __version__

DESCRIPTION = "Embed images under several models, sweep clusterings over them, rank them, and see what is in the heap."

EXAMPLES = """\
examples:
  runner demo                                                       a tour that needs no network
  runner experiment --images photos --models ViT-B-32 ViT-L-14      compare two models
  runner experiment --images photos --sample 1% --mode fast         a first look
  runner experiment --images photos --algorithms hdbscan            one algorithm
  runner experiment --dataset NAME --write-fields                   a FiftyOne dataset
  runner experiment --embeddings vectors.npy --paths paths.json     vectors you already have
  runner duplicates --images photos --method hash                   near-identical images, and which to keep
  runner similar cat.jpg --in results                               what looks like this?
  runner export results --to sorted --how move                      clusters as folders; `runner undo sorted` reverts it
  runner ui results                                                 the MLflow page of an experiment
"""

OUT_OF_MEMORY = "there is not enough memory; end other programs or use fewer --workers, and the same command resumes"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit status is 0 done, 1 failed, 2 bad usage, 3 no usable clustering, 130 and 143 if SIGINT
    or SIGTERM ended it."""
    return interruptible(lambda: _run(arguments))


def _run(arguments: Sequence[str] | None) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        options.run(options)
    except RunnerError as error:
        print(f"runner: {error}", file=sys.stderr)
        return error.exit_status
    except BrokenPipeError:  # the reader of our output, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if is_out_of_memory(error):
            print(f"runner: {OUT_OF_MEMORY}", file=sys.stderr)
        elif isinstance(error, OSError):
            where = f" {error.filename}:" if error.filename else ""
            print(f"runner:{where} {reason_and_remedy(error)}", file=sys.stderr)
        else:
            raise
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="runner",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"imagesweep {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
