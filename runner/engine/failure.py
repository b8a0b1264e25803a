"""Which failures pass, and are tried again by the next call."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from dataclasses import dataclass

from runner.cluster.trial import FailureKind, TrialStatus
from runner.errors import RunnerError
from runner.results.summary import TrialRecord
from runner.utils.memory import is_out_of_memory

MOST_ATTEMPTS = 3
"""Calls in which a failure of the machine is tried before it is taken for final."""

OF_THE_MACHINE = (FailureKind.MEMORY, FailureKind.DISK, FailureKind.PROCESS)
"""What another moment, or another machine, may not have."""


@dataclass(frozen=True)
class Failure:
    """Why a task gave no result.

    Attributes:
        kind: of failure.
        error: one sentence.
        seconds: that it ran.
    """

    kind: FailureKind
    error: str
    seconds: float = 0.0


def failure_kind(error: BaseException) -> FailureKind:
    """Why a task failed that raised ``error``: what the machine says comes before what we say of it.

    A sentence of ours about a disk that is full names the system's error as its cause.
    """
    for cause in _causes(error):
        if is_out_of_memory(cause):
            return FailureKind.MEMORY
        if isinstance(cause, OSError):  # of files, but for processes and threads that can't be started
            return FailureKind.PROCESS if cause.errno == errno.EAGAIN else FailureKind.DISK
    return FailureKind.REFUSED if isinstance(error, RunnerError) else FailureKind.ERROR


def is_settled(record: TrialRecord, time_limit: float, *, retry_failed: bool) -> bool:
    """Whether a trial on record need not be run again.

    Args:
        record: what came of it.
        time_limit: seconds that it would be given now.
        retry_failed: whether every failed trial is to be tried again.
    """
    if record.status is TrialStatus.DONE:
        return True
    if retry_failed:
        return False
    if record.failure is FailureKind.TIME:
        return record.seconds >= time_limit
    return record.failure not in OF_THE_MACHINE or record.attempts >= MOST_ATTEMPTS


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, what it was raised from, and so on."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__
