"""Signals that come upon code whose exceptions go nowhere."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from runner.utils.interrupts import TerminatedError, interruptible

PROGRAM = """
import atexit, ctypes, os, signal, sys, time, weakref
from runner.utils.interrupts import interruptible

number, where = int(sys.argv[1]), sys.argv[2]

def strike(*arguments):
    signal.raise_signal(number)
    return 0

class Mortal:
    def __del__(self):
        if where == "finalizer":
            strike()

def work():
    if where == "callback":
        function = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)(strike)
        numbers = (ctypes.c_int * 2)(2, 1)
        ctypes.CDLL(None).qsort(numbers, 2, ctypes.sizeof(ctypes.c_int), function)
    elif where == "weak reference":
        mortal = Mortal()
        reference = weakref.ref(mortal, strike)
        del mortal
    elif where == "finalizer":
        Mortal()
    elif where == "import":
        try:
            strike()
        except BaseException as error:
            raise ImportError("half a module") from error
    elif where == "twice":
        try:
            strike()
        finally:
            strike()
    elif where == "exit":
        atexit.register(strike)
        return 0
    time.sleep(60)

sys.exit(interruptible(work, ends_process=True))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("where", ["callback", "weak reference", "finalizer", "import", "twice", "exit"])
def test_a_signal_ends_the_process_wherever_it_comes(where: str, number: int) -> None:
    command = [sys.executable, "-c", PROGRAM, str(int(number)), where]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50)
    assert done.returncode == 128 + number
    said = "interrupted" if number == signal.SIGINT else "ended by SIGTERM"
    assert done.stderr == ("" if where == "exit" else f"runner: {said}; the same command resumes\n")


def test_errors_and_handlers_are_as_before() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM), sys.unraisablehook
    assert interruptible(lambda: 3) == 3
    with pytest.raises(ValueError, match="no signal came"):
        interruptible(_raise)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM), sys.unraisablehook) == before


def _raise() -> int:
    raise ValueError("no signal came")


def test_sigterm_is_a_kind_of_interrupt() -> None:
    assert issubclass(TerminatedError, KeyboardInterrupt)
