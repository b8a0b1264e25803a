"""Whenever the writing of results is killed, the next call completes or takes back what it had begun.

Takes some 20 s: a process dies at each of about a hundred points.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.report import kill_writing


@pytest.mark.check
@pytest.mark.timeout(900)
def test_rank_folders_and_archives_are_whole_whenever_they_are_killed(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, kill_writing.__file__, str(tmp_path)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "TQDM_DISABLE": "1"},
    )
    assert run.returncode == 0, run.stderr[-2000:]
    told = dict(line.split(": killed at ") for line in run.stdout.splitlines())
    assert told.keys() == {"another experiment", "the same experiment"}
    assert all(int(points.split()[0]) > 30 for points in told.values())
