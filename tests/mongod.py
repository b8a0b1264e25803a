"""A FiftyOne database of the tests' own: made for a session in a temporary folder, ended and deleted with it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(tempfile.mkdtemp(prefix="imagesweep-fiftyone-"))

SETTINGS = {
    "FIFTYONE_DATABASE_DIR": str(FOLDER / "db"),
    "FIFTYONE_DATABASE_NAME": "imagesweep-tests",
    "FIFTYONE_DATABASE_VALIDATION": "false",  # no word about the age of the server
    "FIFTYONE_CONFIG_PATH": str(FOLDER / "config.json"),
    "FIFTYONE_DEFAULT_DATASET_DIR": str(FOLDER / "datasets"),
    "FIFTYONE_PLUGINS_DIR": str(FOLDER / "plugins"),
    "FIFTYONE_DO_NOT_TRACK": "true",
    "FIFTYONE_SHOW_PROGRESS_BARS": "false",
}
"""Read by FiftyOne when it is imported, by child processes too."""


def own_database() -> None:
    """Point FiftyOne to a folder of our own, whatever the user has set; call it before FiftyOne is imported."""
    os.environ.pop("FIFTYONE_DATABASE_URI", None)
    os.environ.update(SETTINGS)


@pytest.fixture(scope="session")
def fiftyone() -> Iterator[ModuleType]:
    """FiftyOne on its own server, which ends with the session."""
    import fiftyone
    import fiftyone.core.odm.database as database

    (FOLDER / "plugins").mkdir(exist_ok=True)
    fiftyone.list_datasets()  # starts the server
    yield fiftyone
    service = database._db_service
    database._disconnect()
    if service is not None and service.child is not None:
        child = service.child
        service.stop()
        child.wait(timeout=30)


def delete_database() -> None:
    """Delete the folder, once nothing uses it."""
    shutil.rmtree(FOLDER, ignore_errors=True)
