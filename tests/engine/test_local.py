"""Tasks end when their time is up, and one that kills its process takes nobody along."""

from __future__ import annotations

import ctypes
import os
import signal
import time

from runner.engine.local import WorkerPool
from runner.errors import RunnerError


def work(request: str) -> str:
    if request == "native":  # holds the interpreter, as native code may: no Python thread gets a turn
        ctypes.PyDLL(None).sleep(600)
    if request == "sleep":
        time.sleep(600)
    if request == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if request == "raise":
        raise ValueError("no\nsuch thing")
    if request == "refuse":
        raise RunnerError("one clear sentence")
    return request.upper()


def process_number(_: str) -> int:
    return os.getpid()


def outcomes(requests: list[str], timeout: float = 60) -> dict[str, tuple[str | None, str | None, bool]]:
    with WorkerPool(workers=2, timeout=timeout) as pool:
        return {
            outcome.request: (outcome.result, outcome.error, outcome.timed_out) for outcome in pool.run(work, requests)
        }


def test_results_and_errors() -> None:
    found = outcomes(["a", "raise", "b", "refuse", "c"])
    assert found == {
        "a": ("A", None, False),
        "b": ("B", None, False),
        "c": ("C", None, False),
        "raise": (None, "ValueError: no such thing", False),
        "refuse": (None, "one clear sentence", False),
    }


def test_time_limit_ends_even_native_code() -> None:
    started = time.monotonic()
    found = outcomes(["a", "native", "b", "sleep", "c"], timeout=3)
    assert time.monotonic() - started < 120
    assert [found[name][0] for name in "abc"] == ["A", "B", "C"]
    for name in ("native", "sleep"):
        result, error, timed_out = found[name]
        assert result is None and timed_out
        assert error is not None and "time limit of 3 s" in error


def test_a_task_that_kills_its_process_is_given_up_alone() -> None:
    found = outcomes(["a", "die", "b", "c", "d"])
    assert [found[name][0] for name in "abcd"] == ["A", "B", "C", "D"]
    assert found["die"][1] == "its process died, perhaps for want of memory"
    assert not found["die"][2]


def test_processes_are_kept_between_stages() -> None:
    with WorkerPool(workers=1, timeout=60) as pool:
        first = [outcome.result for outcome in pool.run(process_number, ["a", "b"])]
        second = [outcome.result for outcome in pool.run(process_number, ["c"])]
    assert len({*first, *second}) == 1


def test_nothing_to_do() -> None:
    assert outcomes([]) == {}
