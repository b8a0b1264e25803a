"""One experiment at a time writes into a results folder; another waits for its turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from runner.results.paths import WORK
from runner.utils.drives import acquired, released

LOCK = "writer.lock"


@contextmanager
def sole_writer(out: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Hold the results folder ``out``, which must be there; the system lets go of it when the process ends, however.

    Args:
        out: the results folder.
        say: told that another experiment has to be waited for, or that it can't be, as the drive has no locks.
    """
    work = out / WORK
    work.mkdir(exist_ok=True)
    lock = FileLock(work / LOCK)
    try:
        held = acquired(lock, timeout=0)
    except Timeout:
        say(f"waiting     for another experiment that writes to {out}")
        held = acquired(lock)
    if not held:
        say(f"note        the drive of {out} has no file locks; let no other experiment write there meanwhile")
    try:
        yield
    finally:
        released(lock)
