"""One experiment at a time writes into a results folder; another waits for its turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from runner.output.layout import WORK

LOCK = "writer.lock"


@contextmanager
def sole_writer(out: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Hold the results folder ``out``, which must be there; the system lets go of it when the process ends, however.

    Args:
        out: the results folder.
        say: told that another experiment has to be waited for.
    """
    work = out / WORK
    work.mkdir(exist_ok=True)
    lock = FileLock(work / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(f"waiting     for another experiment that writes to {out}")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
