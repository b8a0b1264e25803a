"""Ctrl-C and SIGTERM end a command with one sentence, wherever they come upon it."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum, auto
from types import FrameType
from typing import Any

_AGAIN_SECONDS = 0.05
"""After which a signal comes again whose exception was lost in a callback: time for the callback to return."""


class TerminatedError(KeyboardInterrupt):
    """SIGTERM: ends what Ctrl-C ends."""


def interruptible(run: Callable[[], int], *, ends_process: bool = False) -> int:
    """The exit status that ``run`` returns, or 130 or 143 if a signal ended it, which one sentence on stderr tells.

    Once a signal has come, any error is taken for its consequence: modules whose import is interrupted raise all sorts.

    Args:
        run: called in the main thread, or else signals go where they always did.
        ends_process: whether nothing follows but the interpreter's end, during which a signal ends it at once.
    """
    interrupts = _Interrupts()
    with interrupts.handled(for_good=ends_process):
        try:
            return run()
        except BaseException:
            if interrupts.received is None:
                raise
            interrupts.reaction = _Reaction.IGNORE  # a second one has nothing to add
            said = "ended by SIGTERM" if interrupts.received == signal.SIGTERM else "interrupted"
            print(f"runner: {said}; the same command resumes", file=sys.stderr)
            return interrupts.exit_status
        finally:
            interrupts.reaction = _Reaction.EXIT


class _Reaction(Enum):
    RAISE = auto()
    IGNORE = auto()
    EXIT = auto()


class _Interrupts:
    """Turns SIGINT and SIGTERM into KeyboardInterrupt and its kind, TerminatedError.

    Attributes:
        received: number of the first of them that came, None if none did.
        reaction: to the next one.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self.reaction = _Reaction.RAISE

    @property
    def exit_status(self) -> int:
        """As of a process that the signal ended."""
        return 128 + (self.received or signal.SIGINT)

    @contextmanager
    def handled(self, *, for_good: bool) -> Iterator[None]:
        """Handle them within the block, and after it if ``for_good``; outside the main thread nobody can."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._handle) for number in (signal.SIGINT, signal.SIGTERM)}
        hook, sys.unraisablehook = sys.unraisablehook, _sent_again(sys.unraisablehook)
        try:
            yield
        finally:
            if not for_good:
                sys.unraisablehook = hook
                for number, handler in before.items():
                    signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.received = self.received or number
        if self.reaction is _Reaction.EXIT:
            os._exit(self.exit_status)
        if self.reaction is _Reaction.RAISE:
            raise TerminatedError if number == signal.SIGTERM else KeyboardInterrupt


def _sent_again(otherwise: Callable[[Any], object]) -> Callable[[Any], object]:
    """A hook for exceptions that have nowhere to go, as they came up in a callback of native code, a finalizer or the
    like: of an interrupt nothing is printed, and its signal is sent again, to come upon the code outside."""

    def hook(unraisable: Any) -> None:
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            otherwise(unraisable)
            return
        number = signal.SIGTERM if issubclass(unraisable.exc_type, TerminatedError) else signal.SIGINT
        threading.Timer(_AGAIN_SECONDS, os.kill, (os.getpid(), number)).start()

    return hook
