"""``runner ui`` with MLflow's own server: on this machine only, and gone when it is over."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

import psutil
import pytest

from runner.errors import RunnerError, UsageError
from runner.integrations.mlflow.experiment_log import log_experiment
from runner.integrations.mlflow.run_log import LoggedRuns
from runner.integrations.mlflow.server import mlflow_server, show_experiment
from runner.results.summary import Summary, TrialRecord
from runner.utils.scratch import remove_abandoned


def write_summary(store: Any, summary: Summary) -> None:
    (store.out / "summary.json").write_text(summary.model_dump_json())


def test_a_taken_port_is_refused(store: Any) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {port} is taken"):
            show_experiment(store.out, port=port, open_browser=False, say=lambda line: None)


@pytest.mark.parametrize("port", [-1, 0, 2**16])
def test_a_number_that_is_no_port_is_refused(store: Any, port: int) -> None:
    with pytest.raises(UsageError, match=f"--port {port} is none"):
        show_experiment(store.out, port=port, open_browser=False, say=lambda line: None)


def test_a_folder_without_results(tmp_path: Path) -> None:
    with pytest.raises(RunnerError, match="holds no MLflow store"):
        show_experiment(tmp_path, open_browser=False)


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("not a database " * 100)
    with (
        pytest.raises(RunnerError, match=r"did not start: .*file is not a database"),
        mlflow_server(f"sqlite:///{tmp_path}/mlflow.db"),
    ):
        pass


def test_somebodys_server_is_only_opened(
    store: Any, make_summary: Callable[..., Summary], monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = make_summary([])
    experiment = summary.experiment.model_copy(update={"tracking_uri": "http://me:word@127.0.0.1:9"})
    write_summary(store, summary.model_copy(update={"experiment": experiment}))
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    show_experiment(store.out, say=lambda line: None)
    assert opened == ["http://127.0.0.1:9"]


def test_the_pages_of_a_results_folder(
    store: Any,
    make_summary: Callable[..., Summary],
    trials: list[TrialRecord],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One server for all questions, as it takes long to start; that it ends with the command that is killed is one."""
    store.log(make_summary(trials))
    write_summary(store, make_summary(trials))
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "runner", "ui", str(store.out), "--no-open"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    ) as process:
        try:
            assert process.stdout is not None
            page = next(line for line in process.stdout if line.startswith("MLflow: ")).split()[1]
            address, _, route = page.partition("/#")
            query = parse_qs(urlsplit(route).query)
            assert urlsplit(route).path == "/experiments/1/runs"
            assert query["viewStateShareKey"] == ["imagesweep-fingerprint-1"]
            family = psutil.Process(process.pid).children(recursive=True)
            listening = {each.laddr.ip for member in family for each in listeners(member)}
            assert listening == {"127.0.0.1"}
            assert "sqlite" not in " ".join(word for member in family for word in member.cmdline())  # nor a password
            with urlopen(f"{address}/api/2.0/mlflow/experiments/get?experiment_id=1") as response:
                assert json.load(response)["experiment"]["name"] == "stamps"
            over_http(address, make_summary(trials[:2], fingerprint="over-http"), tmp_path)
        finally:
            process.kill()
    assert psutil.wait_procs(family, timeout=20)[1] == []
    assert len(list(tmp_path.glob("imagesweep-*"))) == 1
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    remove_abandoned()
    assert list(tmp_path.glob("imagesweep-*")) == []


def listeners(process: psutil.Process) -> list[Any]:
    return [each for each in process.net_connections("tcp") if each.status == psutil.CONN_LISTEN]


def over_http(address: str, summary: Summary, out: Path) -> None:
    """A server's store is logged to and found complete as a file's is."""
    file = out / "config.yaml"
    file.write_text("seed: 42\n")
    calls = [
        log_experiment(
            summary,
            tracking_uri=address,
            experiment_name="over http",
            out=out,
            trial_files=lambda trial_id: {"config.yaml": file},
        )
        for _ in range(2)
    ]
    assert calls == [LoggedRuns(calls[0].parent_run_id, 3, 0, 0), LoggedRuns(calls[0].parent_run_id, 0, 0, 3)]
