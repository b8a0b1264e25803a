"""Links to MLflow: of a store behind a server at once, of a local one when a server has been started for it."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

if TYPE_CHECKING:
    from runner.integrations.fiftyone.experiment_runs import ExperimentRun

MOST_SERVERS = 3
"""Each takes some hundred megabytes; the one that was started first makes room."""

_HEALTH_SECONDS = 5.0


class _Server:
    """A server for one store, on this machine only."""

    def __init__(self, tracking_uri: str) -> None:
        program = Path(__file__).with_name("process.py")
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(program), tracking_uri],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None and self._process.stderr is not None
        self.address = self._process.stdout.readline().strip()
        if not self.address:
            from runner.errors import RunnerError

            raise RunnerError(self._process.stderr.read().strip() or "the MLflow server did not start")

    def answers(self) -> bool:
        try:
            with urlopen(f"{self.address}/health", timeout=_HEALTH_SECONDS):
                return True
        except OSError:
            return False

    def stop(self) -> None:
        """End it, and wait until it has ended."""
        self._process.communicate()


_servers: dict[str, _Server] = {}
_starting = threading.Lock()


def run_link(run: ExperimentRun) -> str | None:
    """The page of an experiment's MLflow run; None where it has none, or no server is up that would show it."""
    from runner.integrations.mlflow.address import without_secrets
    from runner.integrations.mlflow.tracking_uri import is_remote

    if run.run_id is None or run.tracking_uri is None:
        return None
    if is_remote(run.tracking_uri):
        return _page(without_secrets(run.tracking_uri), run.run_id)
    server = _servers.get(run.tracking_uri)
    return None if server is None else _page(server.address, run.run_id)


def opened_link(run: ExperimentRun) -> str:
    """The same, after a server was started where that is needed; one that is up is used again.

    Raises:
        RunnerError: the experiment has no MLflow run, its store is gone, or the server does not start.
    """
    from runner.errors import RunnerError
    from runner.integrations.mlflow.tracking_uri import is_remote, tracking_uri_of

    if run.run_id is None or run.tracking_uri is None:
        raise RunnerError(f"{run.key} has no MLflow run.")
    if not is_remote(run.tracking_uri):
        with _starting:
            _serve(run.tracking_uri, tracking_uri_of(run.out))
    link = run_link(run)
    assert link is not None
    return link


def linked(page: str | None) -> str:
    """Markdown of the link, or why there is none yet."""
    return f"[Open the MLflow run]({page})" if page else "The MLflow run is in a local store."


def _serve(name: str, tracking_uri: str) -> None:
    """See to it that a server is up; ``tracking_uri`` is where the store is now."""
    known = _servers.get(name)
    if known is not None:
        if known.answers():
            return
        del _servers[name]
        known.stop()
    if len(_servers) == MOST_SERVERS:
        _servers.pop(next(iter(_servers))).stop()
    _servers[name] = _Server(tracking_uri)


def _page(address: str, run_id: str) -> str:
    return f"{address.rstrip('/')}/#/runs/{run_id}"
