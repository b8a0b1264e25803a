"""An experiment logged to a server that asks for a password: the password is nowhere but in this process.

The server is MLflow's own with its ``basic-auth`` app. Costs about a minute, most of it the server's start.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen

import numpy as np
import pytest

from runner.cli import main
from tests.needs import unavailable

USER, PASSWORD = "keeper-of-keys", "w0rd/of?k:eys@home"
START_SECONDS = 240


@dataclass(frozen=True)
class GuardedServer:
    """A running server, and the folder that has its store and artifacts."""

    address: str
    folder: Path

    @property
    def uri(self) -> str:
        """The address with user and password, as people paste it."""
        host = self.address.removeprefix("http://")
        return f"http://{USER}:{quote(PASSWORD, safe='')}@{host}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, free_port: int) -> Iterator[GuardedServer]:
    folder = tmp_path_factory.mktemp("server")
    (folder / "kept").mkdir()
    settings = folder / "auth.ini"
    settings.write_text(
        "[mlflow]\n"
        "default_permission = READ\n"
        f"database_uri = sqlite:///{folder}/users.db\n"
        f"admin_username = {USER}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
    )
    environment = {
        **os.environ,
        "MLFLOW_AUTH_CONFIG_PATH": str(settings),
        "MLFLOW_AUTH_ADMIN_PASSWORD": PASSWORD,
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "any",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--app-name", "basic-auth", "--workers", "1"),
        *("--host", "127.0.0.1", "--port", str(free_port)),
        *("--backend-store-uri", f"sqlite:///{folder}/kept/store.db"),
        *("--artifacts-destination", str(folder / "kept" / "artifacts")),
    ]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        address = f"http://127.0.0.1:{free_port}"
        deadline = time.monotonic() + START_SECONDS
        while not _is_healthy(address):
            if process.poll() is not None or time.monotonic() > deadline:
                unavailable(f"MLflow's basic-auth server did not start: {(folder / 'server.log').read_text()[-500:]}")
            time.sleep(0.2)
        yield GuardedServer(address, folder / "kept")
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _is_healthy(address: str) -> bool:
    with suppress(OSError), urlopen(f"{address}/health", timeout=5) as response:
        return bool(response.status == 200)
    return False


def _found_in(folder: Path, text: str) -> list[Path]:
    """Files below ``folder`` that hold the text, in whatever form a file has it."""
    spellings = {text.encode(), quote(text).encode(), quote(text, safe="").encode()}
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if any(each in path.read_bytes() for each in spellings)]


@pytest.mark.check
@pytest.mark.timeout(600)
def test_a_password_is_nowhere_but_in_the_process(
    server: GuardedServer, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = np.random.default_rng(0)
    np.save(tmp_path / "vectors.npy", generator.normal(size=(24, 4)).astype(np.float32))
    out, cache = tmp_path / "results", tmp_path / "cache"
    given = ["--embeddings", str(tmp_path / "vectors.npy"), "--cache-dir", str(cache), "--out", str(out)]
    swept = ["--mode", "debug", "--algorithms", "kmeans", "--top", "1", "--workers", "1"]
    assert main(["experiment", *given, *swept, "--tracking-uri", server.uri]) == 0
    told = "".join(capfd.readouterr())
    assert server.address in told
    assert f"tracking_uri: {server.address}\n" in (out / "config.yaml").read_text()
    assert list(server.folder.rglob("config.yaml"))  # it was uploaded
    for secret in (USER, PASSWORD, quote(PASSWORD, safe="")):
        assert secret not in told
        assert _found_in(tmp_path, secret) == []
    assert _found_in(server.folder, PASSWORD) == []

    again = ["experiment", "--config", str(out / "config.yaml"), "--fresh"]
    assert main(again) == 1
    assert "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD" in capfd.readouterr().err
    assert "# tracking_uri stands here without" in (out / "config.yaml").read_text()
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", USER)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
    assert main(again) == 0
    assert "# tracking_uri stands here without" in (out / "config.yaml").read_text()
    assert _found_in(tmp_path, PASSWORD) == []
