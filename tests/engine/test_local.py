"""Tasks end when their time is up, and one that kills its process takes nobody along."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

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
    if request == "memory":
        raise MemoryError
    if request == "disk":
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if request == "refuse":
        raise RunnerError("one clear sentence")
    return request.upper()


def process_number(_: str) -> int:
    return os.getpid()


def hears_ctrl_c(_: str) -> bool:
    return signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def outcomes(requests: list[str], timeout: float = 60) -> dict[str, str | tuple[str, str]]:
    """Results by request; kind and sentence of those that failed."""
    with WorkerPool(workers=2, timeout=timeout) as pool:
        return {
            outcome.request: (outcome.failure.kind.value, outcome.failure.error) if outcome.failure else outcome.result
            for outcome in pool.run(work, requests)
        }


def test_results_and_errors() -> None:
    found = outcomes(["a", "raise", "b", "refuse", "memory", "disk", "c"])
    assert found == {
        "a": "A",
        "b": "B",
        "c": "C",
        "raise": ("error", "ValueError: no such thing"),
        "refuse": ("refused", "one clear sentence"),
        "memory": ("memory", "MemoryError: "),
        "disk": ("disk", "OSError: [Errno 28] No space left on device"),
    }


@pytest.mark.check
def test_time_limit_ends_even_native_code() -> None:
    found = outcomes(["a", "native", "b", "sleep", "c"], timeout=3)
    assert [found[name] for name in "abc"] == ["A", "B", "C"]
    for name in ("native", "sleep"):
        kind, error = found[name]
        assert kind == "time" and "time limit of 3 s" in error


@pytest.mark.check
def test_a_task_that_kills_its_process_is_given_up_alone() -> None:
    found = outcomes(["a", "die", "b", "c", "d"])
    assert [found[name] for name in "abcd"] == ["A", "B", "C", "D"]
    assert found["die"] == ("process", "its process died, perhaps for want of memory")


def test_processes_are_kept_between_stages() -> None:
    with WorkerPool(workers=1, timeout=60) as pool:
        first = [outcome.result for outcome in pool.run(process_number, ["a", "b"])]
        second = [outcome.result for outcome in pool.run(process_number, ["c"])]
    assert len({*first, *second}) == 1


def test_nothing_to_do() -> None:
    assert outcomes([]) == {}


FIRST_POOL = """
from runner.engine.local import WorkerPool
from tests.engine.test_local import hears_ctrl_c
if __name__ == "__main__":
    with WorkerPool(workers=2, timeout=60) as pool:
        print([outcome.result for outcome in pool.run(hears_ctrl_c, ["a", "b", "c"])])
"""


def test_the_first_workers_of_a_process_do_not_hear_ctrl_c(tmp_path: Path) -> None:
    """In a process of its own, as what is started with the first pool is there for all others."""
    script = tmp_path / "first_pool.py"
    script.write_text(FIRST_POOL)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == "[False, False, False]"
