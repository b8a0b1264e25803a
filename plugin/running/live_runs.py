"""The life of a run while it lasts: where it is, whether it still breathes, and whether it shall stop.

Finished experiments are registered on the dataset by the engine. This is about those that are not: one record for each,
in the execution store of the dataset, so that the panel can show them and a killed worker does not go unnoticed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from bson import ObjectId

from ..base.operator import PATIENCE

STORE = "imagesweep_live_runs"
HEARTBEAT = 2.0
"""Seconds between two signs of life."""

SILENCE = timedelta(seconds=20)
"""Without a sign of life for so long, the process is taken for dead."""

_CANCEL = "cancel "
_OPERATOR = "@imagesweep/clustering/run_experiment"
_BEGINNING = timedelta(minutes=2)
"""In which a worker that has taken a run gives its first sign of life."""

_WAITS = "Scheduled; it starts as soon as `fiftyone delegated launch` runs and is free"

Stop = Callable[[BaseException | None], None]
"""Ends the work, with an error or as the user's wish."""


class RunStatus(StrEnum):
    SCHEDULED = "scheduled"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class LiveRun:
    """One run.

    Attributes:
        name: the experiment's.
        status: as it is known to be; a run that fell silent is ``failed``, and one that waits for a worker
            has no record of its own yet.
        label: what it is doing.
        share: of that, 0 to 1.
        started, seen: ISO times, UTC; ``seen`` is the last sign of life.
        error: one sentence, where it failed.
        params: of the operator, so that it can be started again.
        operation: id of the delegated operation; None where it runs in the App's own process.
    """

    name: str
    status: RunStatus = RunStatus.RUNNING
    label: str = "Starting"
    share: float = 0.0
    started: str = ""
    seen: str = ""
    error: str | None = None
    params: dict[str, Any] = field(default_factory=dict)
    operation: str | None = None


def panel_data(runs: Sequence[LiveRun]) -> dict[str, dict[str, object]]:
    """What the panel's bars show of the runs that are under way, or will be."""
    running = under_way(runs)
    return {
        f"live_{number}": {"label": f"**{run.name}** · {run.label}", "progress": run.share}
        for number, run in enumerate(running)
    }


def under_way(runs: Sequence[LiveRun]) -> list[LiveRun]:
    """Those that run, or wait for a worker."""
    return [run for run in runs if run.status in (RunStatus.RUNNING, RunStatus.SCHEDULED)]


class LiveRuns:
    """The runs of one dataset."""

    def __init__(self, dataset: Any) -> None:
        from fiftyone.operators.store import ExecutionStore

        self._dataset_id = dataset._doc.id
        self._store = ExecutionStore.create(STORE, self._dataset_id)

    def all(self) -> list[LiveRun]:
        """Newest first; those that fell silent are marked as failed, and their delegated operations too."""
        names = [key for key in self._store.list_keys() if not key.startswith(_CANCEL)]
        runs = [run for run in map(self.get, names) if run is not None]
        begun = {run.operation for run in runs}
        scheduled = [run for run in self._scheduled() if run.operation not in begun]
        return [*scheduled, *sorted(runs, key=lambda run: run.started, reverse=True)]

    def get(self, name: str) -> LiveRun | None:
        record = self._store.get(name)
        if record is None:
            return None
        run = LiveRun(**{**record, "status": RunStatus(record["status"])})
        silent = datetime.now(UTC) - datetime.fromisoformat(run.seen)
        if run.status is RunStatus.RUNNING and silent > SILENCE:
            return self._bury(run)
        return run

    def cancel(self, name: str) -> None:
        """Ask a run to stop, which it does at its next step; one that still waits for a worker is forgotten."""
        from fiftyone.operators.delegated import DelegatedOperationService

        waiting = next((run for run in self._scheduled() if run.name == name and run.label == _WAITS), None)
        if waiting is None:
            self._store.set(_CANCEL + name, True)
        else:
            DelegatedOperationService().delete_operation(ObjectId(waiting.operation))

    def forget(self, name: str) -> None:
        """Remove the record of a run."""
        self._store.delete(name)
        self._store.delete(_CANCEL + name)

    @contextmanager
    def alive(
        self, name: str, params: dict[str, Any], operation: str | None, stop: Stop
    ) -> Iterator[Callable[[str, float], None]]:
        """Keep the record of a run while it lasts, and its outcome afterwards.

        A run that failed leaves no record of that where the database is what it failed for: it falls silent.

        Args:
            name: the experiment's.
            params: of the operator.
            operation: id of the delegated operation, if it is one.
            stop: called when the run shall end, with the reason where that is not the user's wish.

        Yields:
            what to tell of the run's progress: a label, and a share from 0 to 1.

        Raises:
            RunnerError: the run is complete, but that cannot be put on record.
        """
        from pymongo.errors import PyMongoError

        from runner.integrations.fiftyone.connection import database_errors

        self._store.delete(_CANCEL + name)
        now = _now()
        heart = _Heart(self, LiveRun(name, started=now, seen=now, params=params, operation=operation), stop)
        heart.start()
        try:
            yield heart.tell
        except BaseException as error:
            with suppress(PyMongoError):  # the failure itself is what to tell
                heart.end(RunStatus.CANCELLED if _is_cancelled(error) else RunStatus.FAILED, _sentence(error))
            raise
        with database_errors(f"{name} is complete all the same"):
            heart.end(RunStatus.DONE, None)

    def put(self, run: LiveRun) -> None:
        """Write the record of a run."""
        self._store.set(run.name, asdict(run))

    def is_cancelled(self, name: str) -> bool:
        """Whether somebody asked the run to stop."""
        return bool(self._store.get(_CANCEL + name))

    def has_dataset(self) -> bool:
        """Whether the dataset is still there."""
        from fiftyone.core.odm.database import get_db_conn

        return get_db_conn().datasets.count_documents({"_id": self._dataset_id}, limit=1) > 0

    def _scheduled(self) -> list[LiveRun]:
        """Runs that wait for a worker, or that one has just taken."""
        from fiftyone.operators.delegated import DelegatedOperationService
        from fiftyone.operators.executor import ExecutionRunState

        runs = []
        states = {"$in": [ExecutionRunState.QUEUED, ExecutionRunState.RUNNING]}
        for one in DelegatedOperationService().list_operations(
            operator=_OPERATOR, dataset_id=self._dataset_id, run_state=states
        ):
            waits = one.run_state == ExecutionRunState.QUEUED
            if waits or datetime.now(UTC).replace(tzinfo=None) - one.started_at < _BEGINNING:
                params = one.context.request_params.get("params", {})
                name, label = params.get("name") or "A new experiment", _WAITS if waits else "Starting"
                runs.append(LiveRun(name, RunStatus.SCHEDULED, label, params=params, operation=str(one.id)))
        return runs

    def _bury(self, run: LiveRun) -> LiveRun:
        error = "The process that ran it stopped answering; run it again, and it resumes where it was."
        dead = replace(run, status=RunStatus.FAILED, error=error)
        self.put(dead)
        if run.operation is not None:
            _fail_operation(run.operation, error)
        return dead


class _Heart(threading.Thread):
    """Gives signs of life from a thread of its own, since the work may be silent for long."""

    def __init__(self, runs: LiveRuns, run: LiveRun, stop: Stop) -> None:
        super().__init__(name="imagesweep-heartbeat", daemon=True)
        self._runs, self._run, self._stop_work = runs, run, stop
        self._ended = threading.Event()
        runs.put(run)

    def tell(self, label: str, share: float) -> None:
        self._run = replace(self._run, label=label, share=share)

    def end(self, status: RunStatus, error: str | None) -> None:
        """Stop, and write the outcome; PyMongoError where that fails."""
        from pymongo import timeout

        self._ended.set()
        self.join()
        with timeout(PATIENCE):
            if self._runs.has_dataset():
                self._runs.put(replace(self._run, status=status, error=error, seen=_now()))

    def run(self) -> None:
        from pymongo import timeout
        from pymongo.errors import PyMongoError

        while not self._ended.wait(HEARTBEAT):
            # A database that is away may come back; the work itself notices when it needs it.
            with suppress(PyMongoError), timeout(PATIENCE):
                if not self._runs.has_dataset():
                    self._stop_work(_deleted())
                    return
                self._runs.put(replace(self._run, seen=_now()))
                if self._runs.is_cancelled(self._run.name):
                    self._stop_work(None)


def _fail_operation(operation: str, error: str) -> None:
    """Mark the delegated operation of a dead worker as failed, which nobody else does."""
    from fiftyone.operators.delegated import DelegatedOperationService
    from fiftyone.operators.executor import ExecutionResult, ExecutionRunState

    DelegatedOperationService().set_failed(
        ObjectId(operation),
        result=ExecutionResult(error=error, error_message=error),
        required_state=ExecutionRunState.RUNNING,  # where it is another, or the operation deleted, nothing happens
    )


def _deleted() -> BaseException:
    from runner.errors import RunnerError

    return RunnerError("The dataset was deleted while the experiment ran; what was embedded is kept.")


def _is_cancelled(error: BaseException) -> bool:
    from ..base.background import CancelledError

    return isinstance(error, CancelledError | GeneratorExit)


def _sentence(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
