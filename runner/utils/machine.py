"""What of the machine this process may use: a container's limits, where it runs in one, else all of it.

Linux keeps the limits of a group of processes, and of all groups around it, in files: see cgroups(7), and "Control
Group v2" and "Memory Resource Controller" in the kernel's documentation.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

_UNLIMITED = 2**62
"""Version 1 writes no word for it but the largest number of bytes in whole pages."""


@dataclass(frozen=True)
class ControlGroups:
    """The control groups that a process is in.

    Attributes:
        membership: file that names them, a line per hierarchy: ``number:controllers:path``.
        mounts: folder of the hierarchies.
    """

    membership: Path = Path("/proc/self/cgroup")
    mounts: Path = Path("/sys/fs/cgroup")

    def memory_limit(self) -> int | None:
        """Bytes that the groups may use; None if there is no limit."""
        return min((limit for limit, _ in self._memory()), default=None)

    def free_memory(self) -> int | None:
        """Bytes that the groups may still use; None if there is no limit. What caches files can be had back."""
        return min((max(0, limit - used) for limit, used in self._memory()), default=None)

    def cpus(self) -> float | None:
        """Processors whose time the groups may use; None if there is no limit."""
        shares = [
            *(_share(_words(folder / "cpu.max")) for folder in self._folders("", "", "unified")),
            *(
                _share([*_words(folder / "cpu.cfs_quota_us"), *_words(folder / "cpu.cfs_period_us")])
                for folder in self._folders("cpu", "cpu", "cpu,cpuacct")
            ),
        ]
        return min((share for share in shares if share is not None), default=None)

    def _memory(self) -> Iterator[tuple[int, int]]:
        """Limit and use of each group that has a limit, in bytes."""
        version_2 = "memory.max", "memory.current", "inactive_file"
        version_1 = "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
        of_version_2, of_version_1 = self._folders("", "", "unified"), self._folders("memory", "memory")
        for files, folders in ((version_2, of_version_2), (version_1, of_version_1)):
            for folder in folders:
                limit, used = _number(folder / files[0]), _number(folder / files[1])
                if limit is not None and used is not None and limit < _UNLIMITED:
                    yield limit, max(0, used - _cached(folder / "memory.stat", files[2]))

    def _folders(self, controller: str, *mounts: str) -> Iterator[Path]:
        """The process's group in the hierarchy of a controller, and the groups around it; of version 2 for ``""``.

        In a container the path may be that outside of it; then the container's own group is at the top.
        """
        with suppress(OSError):
            for line in self.membership.read_text().splitlines():
                _, controllers, path = line.split(":", 2)
                if controller in controllers.split(","):
                    own = Path(path.lstrip("/"))
                    for mount in mounts:
                        yield from (self.mounts / mount / group for group in (own, *own.parents))


def usable_memory(groups: ControlGroups | None = None) -> int:
    """Bytes of memory that this process and those beside it may use in all."""
    limit, total = (groups or ControlGroups()).memory_limit(), int(psutil.virtual_memory().total)
    return total if limit is None else min(limit, total)


def free_memory(groups: ControlGroups | None = None) -> int:
    """Bytes of memory that are still to be had."""
    limit, free = (groups or ControlGroups()).free_memory(), int(psutil.virtual_memory().available)
    return free if limit is None else min(limit, free)


def usable_cpus(groups: ControlGroups | None = None) -> int:
    """Processors that this process may use at the same time, at least one."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    share = (groups or ControlGroups()).cpus()
    return bound if share is None else max(1, min(bound, math.ceil(share)))


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:  # no such group, or no such limit
        return []


def _number(path: Path) -> int | None:
    """The number in a file; None if it says ``max``."""
    words = _words(path)
    return int(words[0]) if words and words[0].isdecimal() else None


def _share(words: list[str]) -> float | None:
    """Processors of a quota and its period; ``max`` or -1 stand for no quota."""
    if len(words) != 2 or not words[0].isdecimal():
        return None
    return int(words[0]) / int(words[1])


def _cached(path: Path, name: str) -> int:
    words = _words(path)
    values = dict(zip(words[::2], words[1::2], strict=False))
    return int(values.get(name, 0))
