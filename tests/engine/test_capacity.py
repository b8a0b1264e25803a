"""How many workers fit."""

from __future__ import annotations

import pytest

from runner.engine.capacity import COPIES, DRIVER_BYTES, WORKER_BYTES, Capacity
from runner.errors import RunnerError

GIB = 2**30


@pytest.mark.parametrize(
    ("free", "wanted", "expected"),
    [
        (64 * GIB, None, 4),
        (64 * GIB, 2, 2),
        (64 * GIB, 9, 9),
        (DRIVER_BYTES + 2 * WORKER_BYTES + 2**20, None, 2),
        (DRIVER_BYTES + 2 * WORKER_BYTES - 2**20, 3, 1),
        (0, 3, 1),
    ],
)
def test_as_many_as_have_the_memory(free: int, wanted: int | None, expected: int) -> None:
    assert Capacity(64 * GIB, free, 4).workers(wanted, 100, 8) == expected


def test_large_matrices_count() -> None:
    matrix = COPIES * 4 * 100_000 * 1024
    capacity = Capacity(64 * GIB, DRIVER_BYTES + matrix + 3 * (WORKER_BYTES + matrix), 8)
    assert capacity.workers(None, 100_000, 1024) == 3
    line = capacity.plan_line(None, 100_000, 1024)
    assert "3 workers instead of 8, for want of memory" in line and "of 64.0 GB of memory free" in line
    assert "instead" not in capacity.plan_line(3, 100_000, 1024)


def test_too_little_for_one_is_refused_before_the_work() -> None:
    with pytest.raises(RunnerError, match=r"0\.9 GB of memory here, and 500 vectors need 1\.1 GB .* raise the"):
        Capacity(int(0.9 * GIB), int(0.9 * GIB), 2).workers(1, 500, 16)
