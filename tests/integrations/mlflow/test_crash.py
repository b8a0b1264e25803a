"""Killed anywhere and called again, the store holds what an undisturbed run would have left."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from runner.results.summary import Summary, TrialRecord

PROGRAM = Path(__file__).with_name("crash_and_resume.py")


@pytest.fixture(scope="module")
def report(make_summary: Callable[..., Summary], trials: list[TrialRecord]) -> Iterator[dict]:
    in_memory = Path("/dev/shm")  # processes die here, not power: no need to wait for a disk
    with TemporaryDirectory(dir=in_memory if in_memory.is_dir() else None) as name:
        folder = Path(name)
        (folder / "files" / "clusters").mkdir(parents=True)
        (folder / "files" / "info.json").write_text("{}")
        (folder / "files" / "clusters" / "cluster_000.txt").write_text("sheet")
        (folder / "summary.json").write_text(make_summary([trials[0], trials[3]]).model_dump_json())
        command = [sys.executable, str(PROGRAM), str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
        assert done.returncode == 0, done.stderr
        yield json.loads(done.stdout)


@pytest.mark.check
def test_no_kill_leaves_a_trace(report: dict) -> None:
    assert report["runs"] == 3
    assert report["killed"] > 20  # several commits per run, and each file
    assert report["different"] == []


@pytest.mark.check
def test_a_killed_creation_of_the_store_is_started_over(report: dict) -> None:
    assert report["creations"] == [-signal.SIGKILL, 0]
    assert report["fresh"] == [".mlflow.db.lock", "mlflow.db"]
