"""Tasks in parallel processes on this machine, each with a time limit that really ends it."""

from __future__ import annotations

import concurrent.futures
import faulthandler
import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from runner.errors import RunnerError

Request = TypeVar("Request")
Result = TypeVar("Result")

MOST_FAILED_STARTS = 3
"""Pools that may break before any task runs; then the machine, not a task, is at fault."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome(Generic[Request, Result]):
    """What became of one task: its result, or why there is none.

    Attributes:
        request: as it was submitted.
        result: None if there is none.
        error: one sentence; None if there is a result.
        timed_out: whether the time limit ended it.
        seconds: that it ran, where that is known.
    """

    request: Request
    result: Result | None = None
    error: str | None = None
    timed_out: bool = False
    seconds: float = 0.0


def run_tasks(
    function: Callable[[Request], Result], requests: Sequence[Request], *, workers: int, timeout: float
) -> Iterator[Outcome[Request, Result]]:
    """Run ``function`` on every request in worker processes.

    A task over its time limit ends its process, native code included, which breaks the whole pool; the other
    tasks are then submitted again to a new one. Where a process dies for another reason, each task that was
    under way runs again alone, so that only the one that kills its process is given up.

    Args:
        function: importable, with picklable request and result; an exception it raises is its error.
        requests: the tasks.
        workers: processes at a time; the cores are divided among them.
        timeout: seconds for each task.

    Yields:
        one outcome per request, as they come in.

    Raises:
        RunnerError: if no worker process can be started.
    """
    pending = set(range(len(requests)))
    suspects: set[int] = set()
    failed_starts = 0
    with tempfile.TemporaryDirectory(prefix="imagesweep-") as folder:
        while pending:
            alone = bool(suspects)
            batch = [min(suspects)] if alone else sorted(pending)
            for number, outcome in _run_pool(function, requests, batch, 1 if alone else workers, timeout, folder):
                failed_starts = 0
                pending.discard(number)
                yield outcome
            running = {number: seconds for number, seconds in _under_way(folder) if number in pending}
            late = [number for number, seconds in running.items() if seconds >= timeout]
            for number in late:
                error = f"ended after its time limit of {timeout:g} s; raise --trial-timeout to give it longer"
                yield Outcome(requests[number], error=error, timed_out=True, seconds=running[number])
            if not late and alone and batch[0] in running:
                error = "its process died, perhaps for want of memory"
                yield Outcome(requests[batch[0]], error=error, seconds=running[batch[0]])
                late = batch
            elif not late:
                suspects |= set(running)
            pending -= set(late)
            suspects &= pending
            failed_starts += bool(pending) and not running
            if failed_starts >= MOST_FAILED_STARTS:
                raise RunnerError("worker processes die as soon as they start; is there memory left on this machine?")


def _under_way(folder: str) -> list[tuple[int, float]]:
    """Tasks that were running when the pool ended, and for how many seconds; their markers are removed."""
    ended = float((Path(folder) / "ended").read_text())
    tasks = []
    for marker in Path(folder).glob("[0-9]*"):
        tasks.append((int(marker.name), ended - float(marker.read_text() or ended)))
        marker.unlink()
    return tasks


def _run_pool(
    function: Callable[[Request], Result],
    requests: Sequence[Request],
    numbers: Sequence[int],
    workers: int,
    timeout: float,
    folder: str,
) -> Iterator[tuple[int, Outcome[Request, Result]]]:
    """Results until all are in or the pool breaks."""
    from loky import ProcessPoolExecutor

    workers = max(1, min(workers, len(numbers)))
    threads = max(1, (os.cpu_count() or 1) // workers)
    executor = ProcessPoolExecutor(max_workers=workers, initializer=limit_threads, initargs=(threads,))
    try:
        futures = {
            executor.submit(_run_one, function, requests[number], Path(folder) / str(number), timeout): number
            for number in numbers
        }
        for future in concurrent.futures.as_completed(futures):
            number = futures[future]
            try:
                result, error, seconds = future.result()
            except BrokenProcessPool:
                logger.debug("a worker process died")
                break
            yield number, Outcome(requests[number], result, error, seconds=seconds)
    finally:
        (Path(folder) / "ended").write_text(str(time.time()))
        executor.shutdown(wait=True, kill_workers=True)


def _run_one(
    function: Callable[[Request], Result], request: Request, marker: Path, timeout: float
) -> tuple[Result | None, str | None, float]:
    started = time.time()
    marker.write_text(str(started))
    with Path(os.devnull).open("w") as nowhere:
        # a thread of C code: it ends the process even while native code holds the interpreter
        faulthandler.dump_traceback_later(timeout, exit=True, file=nowhere)
        try:
            return function(request), None, time.time() - started
        except Exception as error:  # whatever a trial raises is that trial's failure, and is recorded as such
            return None, describe_error(error), time.time() - started
        finally:
            faulthandler.cancel_dump_traceback_later()
            marker.unlink(missing_ok=True)


def describe_error(error: BaseException) -> str:
    """One line naming an exception; our own messages stand for themselves."""
    text = " ".join(str(error).split())
    return text if isinstance(error, RunnerError) else f"{type(error).__name__}: {text}"


def limit_threads(threads: int) -> None:
    """Keep every numerical library of this process to so many threads."""
    import numba
    import threadpoolctl
    import torch

    torch.set_num_threads(threads)
    numba.set_num_threads(min(threads, numba.get_num_threads()))
    threadpoolctl.threadpool_limits(threads)
