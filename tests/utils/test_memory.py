"""Freed memory is kept while it is wanted, and given back afterwards: told by page faults, which are counted."""

from __future__ import annotations

import json
import platform
import subprocess
import sys

import pytest

from tests.needs import unavailable

COUNT_FAULTS = """
import json, resource
import numpy as np
import psutil
from runner.utils.memory import freed_memory_kept

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        np.ones(10_000_000)  # 80 MB
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

seen = {"before": faults()}
with freed_memory_kept():
    faults()
    seen["within"] = faults()
    held = psutil.Process().memory_info().rss
seen["given_back"] = held - psutil.Process().memory_info().rss
seen["after"] = faults()
print(json.dumps(seen))
"""


@pytest.fixture(scope="module")
def seen() -> dict[str, int]:
    """What a process of its own counted, whose memory no other test has touched."""
    if platform.libc_ver()[0] != "glibc":
        unavailable("freed memory is only kept with glibc")
    done = subprocess.run([sys.executable, "-c", COUNT_FAULTS], capture_output=True, text=True, check=True)
    counted: dict[str, int] = json.loads(done.stdout)
    return counted


def test_the_same_pages_are_used_again_and_not_fetched_anew(seen: dict[str, int]) -> None:
    assert seen["within"] < seen["before"] / 10


def test_what_was_kept_is_given_back(seen: dict[str, int]) -> None:
    assert seen["given_back"] > 70e6
    assert seen["after"] > 10 * seen["within"]
