"""``python -m runner``, and the command ``runner``."""

import sys

from runner.utils.interrupts import interruptible


def main() -> int:
    """Run the command line of this process; see ``runner.cli.main``."""
    return interruptible(_run, ends_process=True)


def _run() -> int:
    from runner.cli import main  # here, as a signal may come upon its imports

    return main()


if __name__ == "__main__":
    sys.exit(main())
