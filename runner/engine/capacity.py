"""How many worker processes fit into the memory and the processors that there are."""

from __future__ import annotations

from dataclasses import dataclass

import psutil

from runner.errors import RunnerError
from runner.utils.machine import free_memory, usable_cpus, usable_memory

DRIVER_BYTES = 700 * 2**20
"""What an experiment's own process takes at most besides its vectors, libraries and MLflow included."""

WORKER_BYTES = 450 * 2**20
"""The same of a worker, with the freed memory that it keeps. Measured: 260 MiB after its imports, 400 MiB at work."""

COPIES = 2
"""Matrices of the vectors' size that a process works on."""


@dataclass(frozen=True)
class Capacity:
    """What there is for an experiment.

    Attributes:
        total: bytes of memory of the machine or the container.
        free: bytes of it that are free or this process's own.
        cpus: processors.
    """

    total: int
    free: int
    cpus: int

    @classmethod
    def of_this_process(cls) -> Capacity:
        own = psutil.Process().memory_info()
        return cls(usable_memory(), free_memory() + own.rss - own.shared, usable_cpus())

    def workers(self, wanted: int | None, n: int, dimension: int) -> int:
        """How many workers to start for n vectors: one a processor or those wanted, but no more than have the memory.

        Raises:
            RunnerError: not even one would have it.
        """
        matrix = COPIES * 4 * n * dimension
        needed = DRIVER_BYTES + WORKER_BYTES + 2 * matrix
        if self.total < needed:
            raise RunnerError(
                f"there are {_gigabytes(self.total)} GB of memory here, and {n:,} vectors need {_gigabytes(needed)} GB "
                "with a single worker; raise the container's limit, or use a smaller --sample"
            )
        fitting = (self.free - DRIVER_BYTES - matrix) // (WORKER_BYTES + matrix)
        return max(1, min(wanted or self.cpus, fitting))

    def plan_line(self, wanted: int | None, n: int, dimension: int) -> str:
        """What of it an experiment will use, for people."""
        workers, asked = self.workers(wanted, n, dimension), wanted or self.cpus
        fewer = "" if workers == asked else f" instead of {asked}, for want of memory"
        counted = "1 worker" if workers == 1 else f"{workers} workers"
        return (
            f"machine     {counted}{fewer}; {self.cpus} processors, {_gigabytes(self.free)} of "
            f"{_gigabytes(self.total)} GB of memory free"
        )


def _gigabytes(size: int) -> str:
    return f"{size / 2**30:.1f}"
