"""What several test packages share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from runner.integrations.mlflow.environment import VARIABLES
from tests.mongod import fiftyone as fiftyone
from tests.mongod import own_database
from tests.needs import CACHES, unavailable

for variable in VARIABLES.values():
    os.environ.pop(variable, None)  # no test may log to the server of whoever runs them

os.environ["XDG_CACHE_HOME"] = CACHES
own_database()  # before any test module can import FiftyOne

settings.register_profile("shared machine", deadline=None)  # how long an example takes says nothing on a busy machine
settings.register_profile(
    "fuzz", deadline=None, max_examples=200, suppress_health_check=list(HealthCheck), print_blob=True
)
"""Of one round of ``python -m tests.fuzz``."""
settings.load_profile("shared machine")

LONGEST = ("test_run.py", "test_app.py")
"""Files that are run first, so that with several processes none is left alone with them in the end."""


@pytest.fixture(scope="session", autouse=True)
def own_data_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The user's data folder, also that of processes that tests start: whoever runs the tests keeps his own clean."""
    folder = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(folder))
        yield folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name not in LONGEST)


STAMPS = Path("/usr/share/tuxpaint/stamps")


@pytest.fixture(scope="session")
def stamps() -> Path:
    """Photos and drawings in labelled folders, from Debian's package tuxpaint-stamps-default."""
    if not STAMPS.is_dir():
        unavailable(f"{STAMPS} is missing; install the package tuxpaint-stamps-default")
    return STAMPS


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An embedding cache for the whole session, so that no image is embedded twice."""
    return tmp_path_factory.mktemp("cache")
