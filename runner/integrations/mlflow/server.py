"""``runner ui``: MLflow's pages for a results folder, on this machine only. Imports no MLflow."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen

from runner.errors import RunnerError, UsageError
from runner.integrations.mlflow.address import TrackingAddress, without_secrets
from runner.integrations.mlflow.experiment_log import checked_experiment_name
from runner.integrations.mlflow.mlflow_store import without_telemetry
from runner.integrations.mlflow.shared_view import view_query
from runner.integrations.mlflow.tracking_uri import ARTIFACTS, is_remote, sqlite_file, tracking_uri_of
from runner.results.files import read_summary
from runner.results.paths import SUMMARY
from runner.results.summary import ExperimentRecord
from runner.utils.interrupts import TerminatedError
from runner.utils.lifeline import tied
from runner.utils.scratch import scratch_folder

HOST = "127.0.0.1"
"""The only address that the server listens on: it knows no passwords, and serves files."""

PORTS = range(5000, 5020)
"""Tried in this order where none is asked for, so that a page's address mostly stays the same."""

START_SECONDS = 180.0
_STOP_SECONDS = 10.0


def show_experiment(
    out: Path, *, port: int | None = None, open_browser: bool = True, say: Callable[[str], None] = print
) -> None:
    """Serve the store of the results in ``out`` until interrupted, and open the comparison of its trials. A store
    behind somebody's server is only opened.

    Args:
        out: the results folder.
        port: where to listen; a free one if None.
        open_browser: whether to open the page.
        say: called with lines for the user.

    Raises:
        UsageError: if the port is taken.
        RunnerError: if there is no store, or the server does not start.
    """
    uri = tracking_uri_of(out)
    experiment = read_summary(out).experiment if (out / SUMMARY).is_file() else None
    if is_remote(uri):
        _show(experiment_page(without_secrets(uri), experiment), open_browser, say)
        return
    say("starting the MLflow server …")
    with mlflow_server(uri, port) as server:
        _show(experiment_page(server.address, experiment), open_browser, say)
        say("press Ctrl-C to stop")
        server.wait()


def _show(page: str, open_browser: bool, say: Callable[[str], None]) -> None:
    say(f"MLflow: {page}")
    if open_browser:
        webbrowser.open(page)


def experiment_page(address: str, experiment: ExperimentRecord | None) -> str:
    """The page where the experiment's trials are compared; the server's first page if it does not know the experiment.

    Args:
        address: of the server, e.g. ``http://127.0.0.1:5000``.
        experiment: its name is that of the MLflow experiment.
    """
    root = address.rstrip("/")
    if experiment is None:
        return root
    name = quote(checked_experiment_name(experiment.name), safe="")
    try:
        with urlopen(f"{root}/api/2.0/mlflow/experiments/get-by-name?experiment_name={name}", timeout=30) as response:
            experiment_id = json.load(response)["experiment"]["experiment_id"]
    except (OSError, KeyError, ValueError):  # not there, or not to be asked without a password
        return root
    return f"{root}/#/experiments/{experiment_id}/runs?{view_query(experiment.fingerprint)}"


class MlflowServer:
    """A running ``mlflow server``; ``store`` is what it serves."""

    def __init__(self, process: subprocess.Popen[bytes], address: str, log: Path, store: TrackingAddress) -> None:
        self.address = address
        self._process = process
        self._log = log
        self._store = store

    def wait(self) -> None:
        """Until the server ends, or the user presses Ctrl-C.

        Raises:
            RunnerError: if it ended by itself.
        """
        try:
            status = self._process.wait()
        except TerminatedError:
            raise
        except KeyboardInterrupt:
            return
        raise RunnerError(f"the MLflow server ended with status {status}: {self._last_words()}")

    def wait_until_healthy(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RunnerError(f"the MLflow server did not start: {self._last_words()}")
            with suppress(OSError), urlopen(f"{self.address}/health", timeout=5) as response:
                if response.status == 200:
                    return
            time.sleep(0.2)
        raise RunnerError(f"the MLflow server did not answer within {START_SECONDS:.0f} seconds: {self._last_words()}")

    def stop(self) -> None:
        """End the server and the workers that it started."""
        for number, patience in ((signal.SIGTERM, _STOP_SECONDS), (signal.SIGKILL, _STOP_SECONDS)):
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(patience)
                return

    def _last_words(self) -> str:
        lines = [line.strip() for line in self._log.read_text(errors="replace").splitlines() if line.strip()]
        telling = [line for line in lines if re.search(r"Error|Exception|error:", line)] or lines
        return self._store.hide(telling[-1])[:500] if telling else "it said nothing"


@contextmanager
def mlflow_server(tracking_uri: str, port: int | None = None) -> Iterator[MlflowServer]:
    """``mlflow server`` over a local store, listening on this machine only, healthy when the block starts; it ends with
    the block or with this process, however that ends.

    Raises:
        UsageError: if the port is taken.
        RunnerError: if it does not start.
    """
    chosen, store = _free_port(port), TrackingAddress.of(tracking_uri)
    with scratch_folder() as folder:
        log = folder / "server.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                tied(_command(tracking_uri, chosen)),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # its workers are stopped with it, and Ctrl-C reaches only us
                env=_environment(store),
                cwd=folder,
            )
            server = MlflowServer(process, f"http://{HOST}:{chosen}", log, store)
            try:
                server.wait_until_healthy()
                yield server
            finally:
                server.stop()


def _command(tracking_uri: str, port: int) -> list[str]:
    database = sqlite_file(tracking_uri)
    artifacts = ["--artifacts-destination", (database.parent / ARTIFACTS).as_uri()] if database else []
    where = ["--host", HOST, "--port", str(port), "--workers", "1"]
    return [sys.executable, "-m", "mlflow", "server", *artifacts, *where]


def _environment(store: TrackingAddress) -> dict[str, str]:
    """Without the user's variables that would make it another server than the command line says. The store is named
    here and not there: anyone on the machine may read command lines."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    unneeded = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_ENABLE_AI_GATEWAY": "false"}
    return without_telemetry(inherited) | unneeded | {"MLFLOW_BACKEND_STORE_URI": store.database_uri}


def _free_port(port: int | None) -> int:
    if port is not None and not 0 < port < 2**16:
        raise UsageError(f"--port {port} is none; ports are 1 to {2**16 - 1}")
    for candidate in PORTS if port is None else [port]:
        with closing(socket.socket()) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind((HOST, candidate))
                return candidate
    if port is not None:
        raise UsageError(f"port {port} is taken; choose another --port, or none to have a free one picked")
    with closing(socket.socket()) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
