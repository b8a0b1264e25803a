"""Delegated runs that come to an end they were not meant for: killed, cancelled, their dataset deleted."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tests.plugin.conftest import ROOT, Execute

if TYPE_CHECKING:
    from fiftyone import Dataset

SLOW = {"mode": "comprehensive", "algorithms": ["agglomerative", "kmeans", "hdbscan", "gmm"]}
"""Long enough to be interrupted on a machine of any speed."""


def live_runs() -> ModuleType:
    """The plugin's module as FiftyOne has loaded it."""
    return sys.modules["fiftyone.plugins.orgs.imagesweep.clustering.running.live_runs"]


def start_worker() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, ROOT / "tests" / "plugin" / "worker.py"], cwd=ROOT)


def wait_for(condition: Callable[[], Any], seconds: float = 90) -> Any:
    started = time.monotonic()
    while not (found := condition()):
        assert time.monotonic() - started < seconds, "it did not come to that in time"
        time.sleep(0.2)
    return found


def kill(worker: subprocess.Popen[bytes]) -> None:
    """The process and all that it started, at once and without a word."""
    for process in [*psutil.Process(worker.pid).children(recursive=True), psutil.Process(worker.pid)]:
        process.kill()
    worker.wait()


def queue(execute: Execute, dataset: Dataset, params: dict[str, Any]) -> Any:
    """Schedule a run; its id."""
    result = execute("run_experiment", dataset, params, request_delegation=True)
    assert result.delegated
    return result.result["id"]


def operation(found: Any) -> Any:
    from fiftyone.operators.delegated import DelegatedOperationService

    return DelegatedOperationService().get(found)


@pytest.mark.check
def test_a_killed_worker_fails_leaves_nothing_half_written_and_is_resumed(
    execute: Execute, dataset: Dataset, settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = {**settings, **SLOW, "name": "killed", "out": str(tmp_path / "out")}
    queued = queue(execute, dataset, params)
    worker = start_worker()
    runs = live_runs().LiveRuns(dataset)
    journal = tmp_path / "out" / ".work"
    wait_for(lambda: len(list(journal.glob("journal-*/*.npz"))) > 3)
    kill(worker)
    monkeypatch.setattr(live_runs(), "SILENCE", timedelta(seconds=1))
    failed = wait_for(lambda: next((run for run in runs.all() if run.status == "failed"), None))
    assert "stopped answering" in failed.error
    assert operation(queued).run_state == "failed"
    dataset.reload()
    assert dataset.list_runs() == []
    assert not [name for name in dataset.get_field_schema() if name.startswith("clusters")]
    monkeypatch.undo()

    done = {path.name: path.stat().st_mtime_ns for path in journal.glob("journal-*/*.npz")}
    changed = {**failed.params, "resume": True, "max_trials": 10}
    execute("run_experiment", dataset, changed)
    after = {path.name: path.stat().st_mtime_ns for path in journal.glob("journal-*/*.npz")}
    assert all(after[name] == stamp for name, stamp in done.items())
    dataset.reload()
    assert set(dataset.list_runs()) == {"killed", "killed_sweep"}
    assert runs.get("killed").status == "done"


@pytest.mark.check
def test_a_cancelled_run_ends_soon_and_says_so(
    execute: Execute, dataset: Dataset, settings: dict[str, Any], tmp_path: Path
) -> None:
    params = {**settings, **SLOW, "name": "unwanted", "out": str(tmp_path / "out")}
    runs = live_runs().LiveRuns(dataset)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(execute, "run_experiment", dataset, params)
        wait_for(lambda: (run := runs.get("unwanted")) is not None and "reparations" in run.label)
        with pytest.raises(Exception, match="is running"):
            execute("run_experiment", dataset, {**settings, "name": "unwanted"})
        execute("cancel_experiment", dataset, {"name": "unwanted"})
        with pytest.raises(Exception, match="running it again resumes"):
            running.result(timeout=60)
    assert runs.get("unwanted").status == "cancelled"
    dataset.reload()
    assert dataset.list_runs() == []


@pytest.mark.check
def test_a_run_that_waits_for_a_worker_is_known_and_can_be_cancelled(
    execute: Execute, dataset: Dataset, settings: dict[str, Any], tmp_path: Path
) -> None:
    runs = live_runs().LiveRuns(dataset)
    queued = queue(execute, dataset, {**settings, "name": "waiting", "out": str(tmp_path / "out")})
    (run,) = runs.all()
    assert (run.name, run.status, run.operation) == ("waiting", "scheduled", str(queued))
    assert "fiftyone delegated launch" in live_runs().panel_data(runs.all())["live_0"]["label"]
    execute("cancel_experiment", dataset, {"name": "waiting"})
    assert runs.all() == []
    with pytest.raises(ValueError, match="No operation found"):
        operation(queued)


@pytest.mark.check
def test_a_dataset_deleted_in_mid_run_ends_it_with_a_sentence(
    execute: Execute, dataset: Dataset, settings: dict[str, Any], tmp_path: Path
) -> None:
    params = {**settings, **SLOW, "name": "deleted", "out": str(tmp_path / "out")}
    runs = live_runs().LiveRuns(dataset)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(execute, "run_experiment", dataset, params)
        wait_for(lambda: (run := runs.get("deleted")) is not None and "reparations" in run.label)
        dataset.delete()
        with pytest.raises(Exception, match="dataset was deleted while the experiment ran"):
            running.result(timeout=60)
