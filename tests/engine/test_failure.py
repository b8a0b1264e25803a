"""What kind of failure an error is, and which failures are final."""

from __future__ import annotations

import errno
import os

import numpy as np
import pytest
import torch

from runner.cluster.trial import FailureKind, TrialStatus
from runner.engine.failure import MOST_ATTEMPTS, failure_kind, is_settled
from runner.errors import RunnerError, UsageError
from runner.results.summary import TrialRecord


def os_error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def said_in_our_words(cause: BaseException) -> RunnerError:
    try:
        raise RunnerError("results could not be written") from cause
    except RunnerError as error:
        return error


def refused_memory() -> BaseException:
    try:
        np.empty(2**62, dtype=np.uint8)
    except MemoryError as error:
        return error
    raise AssertionError


def refused_tensor() -> BaseException:
    try:
        torch.empty(2**60, dtype=torch.uint8)
    except RuntimeError as error:
        return error
    raise AssertionError


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (RunnerError("evoc: layer=7 does not exist here"), FailureKind.REFUSED),
        (UsageError("k is more than the images"), FailureKind.REFUSED),
        (ValueError("not positive definite"), FailureKind.ERROR),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), FailureKind.ERROR),
        (refused_memory(), FailureKind.MEMORY),
        (refused_tensor(), FailureKind.MEMORY),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), FailureKind.MEMORY),
        (os_error(errno.ENOMEM), FailureKind.MEMORY),
        (os_error(errno.ENOSPC), FailureKind.DISK),
        (os_error(errno.EIO), FailureKind.DISK),
        (os_error(errno.EDQUOT), FailureKind.DISK),
        (os_error(errno.ESTALE), FailureKind.DISK),
        (os_error(errno.EAGAIN), FailureKind.PROCESS),
        (said_in_our_words(os_error(errno.ENOSPC)), FailureKind.DISK),
        (said_in_our_words(said_in_our_words(MemoryError())), FailureKind.MEMORY),
        (said_in_our_words(ValueError("no such column")), FailureKind.REFUSED),
    ],
)
def test_kinds(error: BaseException, kind: FailureKind) -> None:
    assert failure_kind(error) is kind


def failed(kind: FailureKind | None, attempts: int = 1, seconds: float = 5) -> TrialRecord:
    status = TrialStatus.TIMED_OUT if kind is FailureKind.TIME else TrialStatus.FAILED
    return TrialRecord(
        id="kmeans-1",
        embedding="key",
        algorithm="kmeans",
        space="none",
        params={},
        status=status if kind else TrialStatus.DONE,
        failure=kind,
        attempts=attempts,
        seconds=seconds,
        finished_at=1,
    )


@pytest.mark.parametrize(
    ("record", "settled"),
    [
        (failed(None), True),
        (failed(FailureKind.REFUSED), True),
        (failed(FailureKind.ERROR), True),
        (failed(FailureKind.TIME, seconds=10), True),
        (failed(FailureKind.TIME, seconds=9.9), False),
        *((failed(kind, MOST_ATTEMPTS - 1), False) for kind in ("memory", "disk", "process")),
        *((failed(kind, MOST_ATTEMPTS), True) for kind in ("memory", "disk", "process")),
    ],
)
def test_which_are_tried_again(record: TrialRecord, settled: bool) -> None:
    assert is_settled(record, 10, retry_failed=False) is settled
    assert is_settled(record, 10, retry_failed=True) is (record.status is TrialStatus.DONE)


@pytest.mark.parametrize(("status", "kind"), [("done", None), ("failed", "process"), ("timed_out", "time")])
def test_records_of_the_first_format(status: str, kind: str | None) -> None:
    record = failed(None).model_dump(mode="json", exclude={"failure", "attempts"}) | {"status": status}
    read = TrialRecord(**record)
    assert (read.failure, read.attempts) == (kind, 1)
    assert TrialRecord.model_validate_json(read.model_dump_json()) == read
