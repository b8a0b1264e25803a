"""*Open MLflow*: a server for a local store, used again, and gone with the process that started it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING
from urllib.request import urlopen

import psutil
import pytest

from runner.errors import RunnerError
from runner.integrations.fiftyone.experiment_runs import ExperimentRun, experiment_runs
from tests.plugin.conftest import ROOT, Execute

if TYPE_CHECKING:
    from fiftyone import Dataset

STARTER = """
import json, sys
from plugin.mlflow.pages import opened_link
from runner.integrations.fiftyone.experiment_runs import ExperimentRun
run = ExperimentRun.model_validate_json(sys.argv[1])
print(json.dumps([opened_link(run), opened_link(run)]), flush=True)
sys.stdin.read()
"""


def run_of(dataset: Dataset) -> ExperimentRun:
    return next(run for run in experiment_runs(dataset) if run.key == "study_sweep")


def answers(address: str) -> bool:
    try:
        with urlopen(f"{address}/health", timeout=5):
            return True
    except OSError:
        return False


@pytest.mark.check
def test_the_server_shows_the_run_is_used_again_and_ends_with_its_process(study: Dataset) -> None:
    run = run_of(study)
    command = [sys.executable, "-c", STARTER, run.model_dump_json()]
    starter = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None
    first, second = json.loads(starter.stdout.readline())
    address, _, run_id = first.partition("/#/runs/")
    assert first == second and run_id == run.run_id
    assert address.startswith("http://127.0.0.1:")
    with urlopen(f"{address}/api/2.0/mlflow/runs/get?run_id={run_id}", timeout=60) as response:
        assert json.load(response)["run"]["info"]["run_id"] == run_id
    port = int(address.rpartition(":")[2])
    family = psutil.Process(starter.pid).children(recursive=True)
    listening = {one.laddr.ip for each in family for one in each.net_connections() if one.laddr.port == port}
    assert listening == {"127.0.0.1"}
    starter.kill()
    starter.wait()
    deadline = time.monotonic() + 60
    while answers(address) or any(each.is_running() for each in family):
        assert time.monotonic() < deadline, "the server outlives the process that started it"
        time.sleep(0.5)


@pytest.mark.check
def test_the_operator_tells_the_address(execute: Execute, study: Dataset) -> None:
    pages = sys.modules["fiftyone.plugins.orgs.imagesweep.clustering.mlflow.pages"]
    run = run_of(study)
    assert pages.run_link(run) is None
    result = execute("open_mlflow", study, {"experiment": "study_sweep", "panel": "panel"})
    requests = result.executor.to_json()["requests"]
    link = pages.run_link(run)
    assert requests[-1]["params"]["message"] == f"MLflow: {link}"
    patches = [request["params"]["data"]["mlflow"] for request in requests if "panel" in request["operator_uri"]]
    assert patches == ["Starting the MLflow server …", f"[Open the MLflow run]({link})"]
    server = pages._servers.pop(run.tracking_uri)
    server.stop()
    assert not server.answers()


@pytest.mark.check
def test_a_store_behind_a_server_is_linked_and_one_that_is_gone_is_said(plugin: None, study: Dataset) -> None:
    pages = sys.modules["fiftyone.plugins.orgs.imagesweep.clustering.mlflow.pages"]
    run = run_of(study)
    remote = run.model_copy(update={"tracking_uri": "https://mlflow.example/"})
    assert pages.run_link(remote) == pages.opened_link(remote) == f"https://mlflow.example/#/runs/{run.run_id}"
    with pytest.raises(RunnerError, match="has no MLflow run"):
        pages.opened_link(run.model_copy(update={"run_id": None}))
    with pytest.raises(RunnerError):
        pages.opened_link(run.model_copy(update={"out": run.out / "nowhere"}))
