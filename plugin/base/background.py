"""Long work in a thread of its own, told step by step."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

Result = TypeVar("Result")


class CancelledError(Exception):
    """The user ended the work."""


@dataclass(frozen=True)
class Step:
    """How far the work has come.

    Attributes:
        label: what is being done, how much of it, and about how long it will take.
        share: of this stage, 0 to 1.
    """

    label: str
    share: float


class Background(Generic[Result]):
    """Runs ``work``; whoever iterates over ``steps`` learns how far it is, and receives its failure."""

    def __init__(self, work: Callable[[], Result]) -> None:
        self._work = work
        self._stage = ""
        self._stage_started = 0.0
        self._step = Step("Starting", 0.0)
        self._stop: BaseException | None = None
        self._result: Result
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="imagesweep", daemon=True)

    def steps(self, every: float = 0.5) -> Iterator[Step]:
        """Start, and yield the present step every so many seconds until the work is done.

        Raises:
            CancelledError: it was cancelled.
            Exception: whatever the work raised.
        """
        self._thread.start()
        try:
            while self._thread.is_alive():
                yield self._step
                self._thread.join(every)
        finally:  # where the caller has lost interest, e.g. the page was closed
            self.cancel()
            self._thread.join()
        if self._error is not None:
            raise self._error

    def cancel(self, reason: BaseException | None = None) -> None:
        """End the work at its next step, with that error; as cancelled by the user where there is none."""
        self._stop = reason or CancelledError("Cancelled; what is finished is kept, and running it again resumes.")

    @property
    def result(self) -> Result:
        """What the work returned."""
        return self._result

    def _run(self) -> None:
        from runner.utils.progress import watch

        try:
            with watch(self._told):
                self._result = self._work()
        except BaseException as error:
            self._error = error

    def _told(self, what: str, done: float, total: float) -> None:
        if self._stop is not None:
            raise self._stop
        now = time.monotonic()
        if what != self._stage:
            self._stage, self._stage_started = what, now
        share = min(1.0, done / total) if total else 1.0
        seconds = (now - self._stage_started) * (1 - share) / share if share else 0.0
        self._step = Step(_described(what, done, total, seconds), share)


def _described(what: str, done: float, total: float, seconds: float) -> str:
    """``embedding: 120 of 480, about 40 s left``."""
    what = re.sub(
        r"^(\S+)-[0-9a-f]{12}: (.*)", r"\2 (\1)", what
    )  # the hash of an embedding's key tells nobody anything
    text = f"{what[:1].upper()}{what[1:]}: {done:,.0f} of {total:,.0f}"
    if seconds < 2:
        return text
    left = f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
    return f"{text}, about {left} left"
