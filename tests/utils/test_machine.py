"""The limits of a container, read from trees of files as the kernel writes them, and from a real group."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from runner.utils.machine import ControlGroups, free_memory, usable_cpus, usable_memory
from tests.needs import unavailable

GIB = 2**30
TREES = {
    "version 2, nested": (
        "0::/pod/container/own\n",
        {
            "pod/memory.max": f"{4 * GIB}\n",
            "pod/memory.current": f"{1 * GIB}\n",
            "pod/memory.stat": "anon 5\ninactive_file 0\n",
            "pod/container/memory.max": f"{2 * GIB}\n",
            "pod/container/memory.current": f"{1 * GIB}\n",
            "pod/container/memory.stat": f"anon 7\ninactive_file {GIB // 2}\n",
            "pod/container/own/memory.max": "max\n",
            "pod/container/own/memory.current": "17\n",
            "pod/cpu.max": "max 100000\n",
            "pod/container/cpu.max": "150000 100000\n",
        },
        (2 * GIB, 3 * GIB // 2, 1.5),
    ),
    "version 2, a container that sees only itself": (
        "0::/\n",
        {
            "memory.max": f"{GIB}\n",
            "memory.current": f"{2 * GIB}\n",
            "memory.stat": "anon 1\n",
            "cpu.max": "max 100000",
        },
        (GIB, 0, None),
    ),
    "version 1, nested": (
        "5:cpu,cpuacct:/docker/one\n4:memory:/docker/one\n1:name=systemd:/docker/one\n",
        {
            "memory/memory.limit_in_bytes": "9223372036854771712\n",
            "memory/memory.usage_in_bytes": "123\n",
            "memory/docker/memory.limit_in_bytes": f"{3 * GIB}\n",
            "memory/docker/memory.usage_in_bytes": f"{2 * GIB}\n",
            "memory/docker/memory.stat": f"inactive_file 0\ntotal_inactive_file {GIB}\n",
            "memory/docker/one/memory.limit_in_bytes": "9223372036854771712\n",
            "memory/docker/one/memory.usage_in_bytes": "1\n",
            "cpu,cpuacct/docker/one/cpu.cfs_quota_us": "50000\n",
            "cpu,cpuacct/docker/one/cpu.cfs_period_us": "100000\n",
            "cpu,cpuacct/docker/cpu.cfs_quota_us": "-1\n",
            "cpu,cpuacct/docker/cpu.cfs_period_us": "100000\n",
        },
        (3 * GIB, 2 * GIB, 0.5),
    ),
    "version 1, a path of the outside": (
        "4:memory:/docker/one\n",
        {"memory/memory.limit_in_bytes": f"{GIB}\n", "memory/memory.usage_in_bytes": f"{GIB // 4}\n"},
        (GIB, 3 * GIB // 4, None),
    ),
    "both, version 2 without limits": (
        "4:memory:/\n0::/\n",
        {
            "memory/memory.limit_in_bytes": f"{GIB}\n",
            "memory/memory.usage_in_bytes": "0\n",
            "unified/cgroup.procs": "",
        },
        (GIB, GIB, None),
    ),
    "no limit": (
        "0::/user.slice\n",
        {"user.slice/memory.max": "max\n", "user.slice/memory.current": "5\n"},
        (None,) * 3,
    ),
}


def groups(folder: Path, membership: str, files: dict[str, str]) -> ControlGroups:
    (folder / "membership").write_text(membership)
    for name, content in files.items():
        path = folder / "mounts" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return ControlGroups(folder / "membership", folder / "mounts")


@pytest.mark.parametrize("name", TREES)
def test_limits_of_groups(name: str, tmp_path: Path) -> None:
    membership, files, expected = TREES[name]
    found = groups(tmp_path, membership, files)
    assert (found.memory_limit(), found.free_memory(), found.cpus()) == expected


def test_what_is_less_counts(tmp_path: Path) -> None:
    total = psutil.virtual_memory().total
    small = groups(tmp_path, "0::/\n", {"memory.max": "4096", "memory.current": "0", "cpu.max": "10000 100000"})
    assert (usable_memory(small), free_memory(small), usable_cpus(small)) == (4096, 4096, 1)
    (tmp_path / "mounts" / "memory.max").write_text(str(2 * total))
    (tmp_path / "mounts" / "cpu.max").write_text("9900000 100000")
    assert usable_memory(small) == total and free_memory(small) < total
    assert usable_cpus(small) == len(os.sched_getaffinity(0))


def test_without_groups(tmp_path: Path) -> None:
    none = ControlGroups(tmp_path / "membership", tmp_path)
    assert (none.memory_limit(), none.free_memory(), none.cpus()) == (None, None, None)


@pytest.fixture
def real_group() -> Iterator[Path]:
    """A memory group of the kernel's, with a limit of 512 MiB."""
    name = f"imagesweep-{uuid.uuid4().hex[:8]}"
    for mount, limit in (("memory", "memory.limit_in_bytes"), (".", "memory.max")):
        group = Path("/sys/fs/cgroup") / mount / name
        try:
            group.mkdir()
            (group / limit).write_text(str(512 * 2**20))
        except OSError:
            continue
        yield group
        group.rmdir()
        return
    unavailable("no group of processes can be made; that takes root")


def test_a_real_group(real_group: Path) -> None:
    program = "from runner.utils.machine import *; print(usable_memory(), free_memory())"
    join = f"echo $$ > {real_group}/cgroup.procs && exec {sys.executable} -c '{program}'"
    told = subprocess.run(["sh", "-c", join], capture_output=True, text=True, check=True, timeout=50).stdout
    usable, free = map(int, told.split())
    assert usable == 512 * 2**20
    assert 400 * 2**20 < free < usable
