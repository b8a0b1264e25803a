"""``runner ui``: MLflow's pages for a results folder, on this machine only. Imports no MLflow."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from types import FrameType
from urllib.error import URLError
from urllib.parse import quote
from urllib.request import urlopen

from runner.errors import RunnerError, UsageError
from runner.output.layout import SUMMARY
from runner.output.result_files import read_summary
from runner.track.shared_view import VIEW_KEY
from runner.track.tracking_uri import ARTIFACTS, is_remote, sqlite_file, tracking_uri_of, without_password

HOST = "127.0.0.1"
"""The only address that the server listens on: it knows no passwords, and serves files."""

PORTS = range(5000, 5020)
"""Tried in this order where none is asked for, so that a page's address mostly stays the same."""

START_SECONDS = 180.0
_STOP_SECONDS = 10.0


def show_experiment(
    out: Path,
    *,
    port: int | None = None,
    open_browser: bool = True,
    experiment_name: str | None = None,
    say: Callable[[str], None] = print,
) -> None:
    """Serve the store of the results in ``out`` until interrupted (Ctrl-C or SIGTERM), and open the comparison of its
    trials. A store behind somebody's server is only opened.

    Args:
        out: the results folder.
        port: where to listen; a free one if None.
        open_browser: whether to open the page.
        experiment_name: the MLflow experiment; None for the one in ``summary.json``.
        say: called with lines for the user.

    Raises:
        UsageError: if the port is taken.
        RunnerError: if there is no store, or the server does not start.
    """
    uri = tracking_uri_of(out)
    if experiment_name is None and (out / SUMMARY).is_file():
        experiment_name = read_summary(out).experiment.name
    if is_remote(uri):
        _show(experiment_page(without_password(uri), experiment_name), open_browser, say)
        return
    say("starting the MLflow server …")
    with mlflow_server(uri, port) as server:
        _show(experiment_page(server.address, experiment_name), open_browser, say)
        say("press Ctrl-C to stop")
        server.wait()


def _show(page: str, open_browser: bool, say: Callable[[str], None]) -> None:
    say(f"MLflow: {page}")
    if open_browser:
        webbrowser.open(page)


def experiment_page(address: str, experiment_name: str | None) -> str:
    """The page of the experiment's trials in comparison; the server's first page if it has no such experiment.

    Args:
        address: of the server, e.g. ``http://127.0.0.1:5000``.
        experiment_name: as MLflow knows it.
    """
    if experiment_name is None:
        return address
    query = f"{address.rstrip('/')}/api/2.0/mlflow/experiments/get-by-name?experiment_name={quote(experiment_name, safe='')}"
    try:
        with urlopen(query, timeout=30) as response:
            experiment_id = json.load(response)["experiment"]["experiment_id"]
    except (URLError, OSError, KeyError, ValueError):  # not there, or not to be asked without a password
        return address
    return f"{address.rstrip('/')}/#/experiments/{experiment_id}/runs?viewStateShareKey={VIEW_KEY}"


class MlflowServer:
    """A running ``mlflow server``."""

    def __init__(self, process: subprocess.Popen[bytes], address: str, log: Path) -> None:
        self.address = address
        self._process = process
        self._log = log

    def wait(self) -> None:
        """Until the server ends, or the user interrupts.

        Raises:
            RunnerError: if it ended by itself.
        """
        with suppress(KeyboardInterrupt):
            status = self._process.wait()
            raise RunnerError(f"the MLflow server ended with status {status}: {self._last_words()}")

    def wait_until_healthy(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RunnerError(f"the MLflow server did not start: {self._last_words()}")
            with suppress(URLError, OSError), urlopen(f"{self.address}/health", timeout=5) as response:
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
        lines = [line for line in self._log.read_text(errors="replace").splitlines() if line.strip()]
        return lines[-1].strip()[:500] if lines else "it said nothing"


@contextmanager
def mlflow_server(tracking_uri: str, port: int | None = None) -> Iterator[MlflowServer]:
    """``mlflow server`` over a local store, listening on this machine only, healthy when the block starts.

    Raises:
        UsageError: if the port is taken.
        RunnerError: if it does not start.
    """
    chosen = _free_port(port)
    with tempfile.TemporaryDirectory(prefix="imagesweep-mlflow-") as folder:
        log = Path(folder) / "server.log"
        with log.open("wb") as output, _interrupted_by_sigterm():
            process = subprocess.Popen(
                _command(tracking_uri, chosen),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # its workers are stopped with it, and Ctrl-C reaches only us
                env=_environment(),
                cwd=folder,
            )
            server = MlflowServer(process, f"http://{HOST}:{chosen}", log)
            try:
                server.wait_until_healthy()
                yield server
            finally:
                server.stop()


def _command(tracking_uri: str, port: int) -> list[str]:
    database = sqlite_file(tracking_uri)
    artifacts = ["--artifacts-destination", (database.parent / ARTIFACTS).as_uri()] if database else []
    where = ["--host", HOST, "--port", str(port), "--workers", "1"]
    return [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", tracking_uri, *artifacts, *where]


def _environment() -> dict[str, str]:
    """Without what would make the server another one than the command line says, and without usage reports."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    return ours | {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


def _free_port(port: int | None) -> int:
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


@contextmanager
def _interrupted_by_sigterm() -> Iterator[None]:
    """SIGTERM ends the block as Ctrl-C does, so that no server is left behind. Only the main thread can arrange that."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, interrupt)
    except ValueError:
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
