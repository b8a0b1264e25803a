"""A MongoDB server of the tests' own, in a temporary folder: started for a session, ended and deleted with it.

FiftyOne's own start is not used: it joins whatever FiftyOne server runs on the machine, a user's too.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from runner.integrations.fiftyone.mongod import server_path

FOLDER = Path(tempfile.gettempdir()) / f"imagesweep-fiftyone-{os.getpid()}"

START_SECONDS = 60
_PR_SET_PDEATHSIG = 1


def own_database() -> int:
    """Point FiftyOne to a server of our own, whatever the user has set; call it before FiftyOne is imported.

    Returns:
        the server's port. Processes that we start inherit all this.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    os.environ.update(
        {
            "FIFTYONE_DATABASE_URI": f"mongodb://127.0.0.1:{port}",
            "FIFTYONE_DATABASE_NAME": "imagesweep-tests",
            "FIFTYONE_DATABASE_VALIDATION": "false",  # no word about the age of the server
            "FIFTYONE_CONFIG_PATH": str(FOLDER / "config.json"),
            "FIFTYONE_DEFAULT_DATASET_DIR": str(FOLDER / "datasets"),
            "FIFTYONE_PLUGINS_DIR": str(FOLDER / "plugins"),
            "FIFTYONE_DO_NOT_TRACK": "true",
            "FIFTYONE_SHOW_PROGRESS_BARS": "false",
        }
    )
    return port


def start_server(port: int, folder: Path = FOLDER) -> subprocess.Popen[bytes]:
    """Start a server on ``folder/db``, new or not, that ends with this process; wait until it answers."""
    server = server_path()
    assert server is not None and server.is_file(), "no MongoDB server; run `make setup`"
    (folder / "db").mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        [server, "--dbpath", folder / "db", "--port", str(port), "--bind_ip", "127.0.0.1", "--nounixsocket"],
        stdout=subprocess.DEVNULL,
        preexec_fn=_end_with_parent if hasattr(ctypes.CDLL(None), "prctl") else None,
    )
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert process.poll() is None and time.monotonic() < deadline, "the MongoDB server did not start"
            time.sleep(0.05)
        else:
            return process


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def end_server(process: subprocess.Popen[bytes], folder: Path = FOLDER) -> None:
    """End the server and delete its data."""
    process.terminate()
    process.wait(timeout=60)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def fiftyone() -> Iterator[ModuleType]:
    """FiftyOne on its own server, which ends with the session."""
    (FOLDER / "plugins").mkdir(parents=True, exist_ok=True)
    process = start_server(int(os.environ["FIFTYONE_DATABASE_URI"].rpartition(":")[2]))
    from runner.integrations.fiftyone.connection import import_fiftyone

    fiftyone = import_fiftyone()
    yield fiftyone
    fiftyone.core.odm.database._disconnect()
    end_server(process)
