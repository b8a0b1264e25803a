"""Tasks in parallel processes on this machine, each with a time limit that really ends it."""

from __future__ import annotations

import concurrent.futures
import faulthandler
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from runner.cluster.trial import FailureKind
from runner.engine.failure import Failure, failure_kind
from runner.errors import RunnerError
from runner.utils.lifeline import Lifeline, end_with
from runner.utils.machine import usable_cpus
from runner.utils.memory import keep_freed_memory
from runner.utils.scratch import scratch_folder

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from loky import ProcessPoolExecutor

Request = TypeVar("Request")
Result = TypeVar("Result")

NO_RESTARTS = {"LOKY_MAX_MEMORY_LEAK_SIZE": "1e15"}
"""loky would take the arrays that a process has mapped for a leak and start it anew, which takes seconds each time."""

KEPT_BY_WORKER = {"largest": 32 * 2**20, "most": 256 * 2**20}
"""Freed memory that a worker keeps: enough for scoring, which takes a third longer without, and little for many."""

MOST_FAILED_STARTS = 3
"""Pools that may break before any task runs; then the machine, not a task, is at fault."""


@dataclass(frozen=True)
class Outcome(Generic[Request, Result]):
    """What became of one task: its result, or why there is none.

    Attributes:
        request: as it was submitted.
        result: what the function returned; None if there is none.
        failure: why there is no result; None if there is one.
    """

    request: Request
    result: Result | None = None
    failure: Failure | None = None


class WorkerPool:
    """Worker processes that are started once and serve every stage of an experiment.

    A task over its time limit ends its process, native code included, which breaks the pool; the other tasks are then
    submitted again to a new one. Where a process dies for another reason, each task that was under way runs again
    alone, so that only the one that kills its process is given up.
    """

    def __init__(self, workers: int, timeout: float) -> None:
        """``workers`` processes, among which the cores are divided; ``timeout`` seconds for each task."""
        self.workers, self.timeout = workers, timeout
        self._executor: ProcessPoolExecutor | None = None
        self._lifeline = Lifeline()
        self._scratch = ExitStack()

    def __enter__(self) -> WorkerPool:
        self._markers = self._scratch.enter_context(scratch_folder())
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        with self._scratch:
            self._stop(kill=kind is not None)

    def run(
        self, function: Callable[[Request], Result], requests: Sequence[Request]
    ) -> Iterator[Outcome[Request, Result]]:
        """Run ``function`` on every request.

        Args:
            function: importable, with picklable request and result; an exception it raises is the task's error.
            requests: the tasks.

        Yields:
            one outcome per request, as they come in.

        Raises:
            RunnerError: if no worker process can be started.
        """
        pending = set(range(len(requests)))
        suspects: set[int] = set()
        failed_starts = 0
        while pending:
            alone = bool(suspects)
            batch = [min(suspects)] if alone else sorted(pending)
            for number, outcome in self._submit(function, requests, batch):
                failed_starts = 0
                pending.discard(number)
                yield outcome
            under_way = _under_way(self._markers)
            running = {number: seconds for number, seconds in under_way.items() if number in pending}
            given_up = self._give_up(running, alone)
            for number, failure in given_up.items():
                yield Outcome(requests[number], failure=failure)
            pending -= set(given_up)
            suspects = pending & (suspects if given_up else suspects | set(running))
            failed_starts += bool(pending) and not running
            if failed_starts >= MOST_FAILED_STARTS:
                raise RunnerError("worker processes die as soon as they start; is there memory left here?")

    def _give_up(self, running: dict[int, float], alone: bool) -> dict[int, Failure]:
        """Of the tasks that ran when the pool broke, those that are to blame, and why."""
        late = {number: seconds for number, seconds in running.items() if seconds >= self.timeout}
        if late:
            kind = FailureKind.TIME
            reason = f"ended after its time limit of {self.timeout:g} s; raise --trial-timeout to give it longer"
        else:
            late = running if alone else {}
            kind, reason = FailureKind.PROCESS, "its process died, perhaps for want of memory"
        return {number: Failure(kind, reason, seconds) for number, seconds in late.items()}

    def _submit(
        self, function: Callable[[Request], Result], requests: Sequence[Request], batch: Sequence[int]
    ) -> Iterator[tuple[int, Outcome[Request, Result]]]:
        """Results until all are in or the pool breaks."""
        executor, markers = self._start(), self._markers
        try:
            with _deaf_to_ctrl_c():
                futures = {
                    executor.submit(_run_one, function, requests[number], markers / str(number), self.timeout): number
                    for number in batch
                }
            for future in concurrent.futures.as_completed(futures):
                number = futures[future]
                result, failure = future.result()
                yield number, Outcome(requests[number], result, failure)
        except BrokenProcessPool:
            (markers / _ENDED).write_text(str(time.time()))
            self._stop(kill=True)

    def _start(self) -> ProcessPoolExecutor:
        from loky import ProcessPoolExecutor

        if self._executor is None:
            resource_tracker.ensure_running()  # here, as starting it lets the thread hear SIGINT
            threads = max(1, usable_cpus() // self.workers)
            self._executor = ProcessPoolExecutor(
                max_workers=self.workers,
                timeout=None,
                initializer=_set_up_worker,
                initargs=(threads, self._lifeline.watched),
                env=NO_RESTARTS,
            )
        return self._executor

    def _stop(self, *, kill: bool) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=True, kill_workers=kill)
            self._executor = None


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Threads and processes that are started in the block never receive SIGINT, which a terminal sends to all: it is
    for the driver to end the others, without a trace of what they were doing."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_ENDED = "ended"


def _under_way(markers: Path) -> dict[int, float]:
    """Tasks that were running when the pool broke, and for how many seconds; their markers are removed."""
    if not (markers / _ENDED).exists():
        return {}
    ended = float((markers / _ENDED).read_text())
    tasks = {}
    (markers / _ENDED).unlink()
    for marker in markers.glob("[0-9]*"):
        tasks[int(marker.name)] = ended - float(marker.read_text() or ended)
        marker.unlink()
    return tasks


def _run_one(
    function: Callable[[Request], Result], request: Request, marker: Path, timeout: float
) -> tuple[Result | None, Failure | None]:
    started = time.time()
    marker.write_text(str(started))
    with Path(os.devnull).open("w") as nowhere:
        # a thread of C code: it ends the process even while native code holds the interpreter
        faulthandler.dump_traceback_later(timeout, exit=True, file=nowhere)
        try:
            return function(request), None
        except Exception as error:  # whatever a trial raises is that trial's failure, and is recorded as such
            return None, Failure(failure_kind(error), describe_error(error), time.time() - started)
        finally:
            faulthandler.cancel_dump_traceback_later()
            marker.unlink(missing_ok=True)


def describe_error(error: BaseException) -> str:
    """One line naming an exception; our own messages stand for themselves."""
    text = " ".join(str(error).split())
    return text if isinstance(error, RunnerError) else f"{type(error).__name__}: {text}"


def _set_up_worker(threads: int, watched: Connection) -> None:
    end_with(watched)
    limit_threads(threads)
    keep_freed_memory(**KEPT_BY_WORKER)


def limit_threads(threads: int) -> None:
    """Keep every numerical library of this process to so many threads."""
    import numba
    import threadpoolctl
    import torch

    torch.set_num_threads(threads)
    numba.set_num_threads(min(threads, numba.get_num_threads()))
    threadpoolctl.threadpool_limits(threads)
