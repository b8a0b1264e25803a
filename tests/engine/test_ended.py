"""A real experiment that is ended by a signal: no process stays, and nothing of it after the next start.

Each case starts the command line once, which takes some seconds; the next start is that of another scratch folder.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from runner.utils.scratch import remove_abandoned

PATIENCE_SECONDS = 250
"""For what is waited for on a busy machine."""


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that in time"
        time.sleep(0.01)


class Experiment:
    """``runner experiment`` in a session of its own; all that it starts is known by its temporary folder."""

    def __init__(self, folder: Path) -> None:
        rng = np.random.default_rng(0)
        centers = rng.normal(size=(8, 16))
        np.save(folder / "vectors.npy", centers[np.arange(1500) % 8] + 0.3 * rng.normal(size=(1500, 16)))
        self.out, self.temporary = folder / "results", folder / "tmp"
        self.temporary.mkdir()
        options = ["--mode", "comprehensive", "--algorithms", "kmeans", "--workers", "2", "--out", str(self.out)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "runner", "experiment", "--embeddings", str(folder / "vectors.npy"), *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"TMPDIR": str(self.temporary)},
            start_new_session=True,
        )

    def imports(self) -> bool:
        """Whether it is in the middle of its imports."""
        return any("/llvmlite/" in each.path or "/torch/" in each.path for each in self._maps())

    def starts_workers(self) -> bool:
        """Whether there are processes beside it that have not done anything yet."""
        return len(self.all()) >= 3

    def works(self) -> bool:
        """Whether its workers are at work."""
        return any(self.temporary.glob("imagesweep-*/[0-9]*"))

    def all(self) -> list[psutil.Process]:
        """The processes that live and belong to it."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("TMPDIR") == str(self.temporary):
                    found.append(process)
            except psutil.Error:  # another user's, or gone
                continue
        return [one for one in found if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]

    def end(self) -> tuple[int, str]:
        """Exit status and last words, once it has ended and taken all along."""
        last_words = self.process.communicate(timeout=PATIENCE_SECONDS)[1]
        wait_for(lambda: not self.all())
        return self.process.returncode, last_words

    def _maps(self) -> list[Any]:
        try:
            return psutil.Process(self.process.pid).memory_maps()
        except psutil.Error:
            return []


@pytest.fixture
def experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Experiment]:
    experiment = Experiment(tmp_path)
    yield experiment
    for process in experiment.all():
        process.kill()
    experiment.process.wait()
    monkeypatch.setattr("tempfile.tempdir", str(experiment.temporary))
    remove_abandoned()
    assert list(experiment.temporary.iterdir()) == []
    assert not list(Path("/dev/shm").glob(f"sem.loky-{experiment.process.pid}-*"))


@pytest.mark.check
@pytest.mark.parametrize("all_at_once", [False, True])
def test_workers_end_with_a_killed_driver(all_at_once: bool, experiment: Experiment) -> None:
    wait_for(experiment.works)
    if all_at_once:
        os.killpg(experiment.process.pid, signal.SIGKILL)
    else:
        experiment.process.kill()
    assert experiment.end()[0] == -signal.SIGKILL


@pytest.mark.check
def test_sigterm_is_told(experiment: Experiment) -> None:
    wait_for(experiment.starts_workers)
    experiment.process.terminate()
    status, last_words = experiment.end()
    assert status == 143
    assert last_words.splitlines()[-1] == "runner: ended by SIGTERM; the same command resumes"
    assert "Traceback" not in last_words
    assert not list(experiment.temporary.glob("imagesweep-*"))


@pytest.mark.check
@pytest.mark.parametrize("moment", ["imports", "starts_workers", "works"])
def test_ctrl_c_at_a_terminal_reaches_all_processes_and_leaves_one_sentence(
    moment: str, experiment: Experiment
) -> None:
    wait_for(getattr(experiment, moment))
    for _ in range(2):  # an impatient user
        os.killpg(experiment.process.pid, signal.SIGINT)
    status, last_words = experiment.end()
    assert status == 130
    told = [line for line in last_words.splitlines() if "%|" not in line]
    assert [line for line in told if line] == ["runner: interrupted; the same command resumes"]
