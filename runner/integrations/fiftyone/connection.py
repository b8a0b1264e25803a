"""Reaching FiftyOne's database, and saying in one sentence why that is not possible."""

from __future__ import annotations

import atexit
import difflib
import importlib.metadata
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from runner.errors import RunnerError
from runner.integrations.mlflow.address import TrackingAddress

if TYPE_CHECKING:
    from fiftyone import Dataset

PATIENCE_SECONDS = 12
"""How long the database may take to answer: long for a network, short for a person."""

_LAST_SECONDS = 1
"""The same at the end of the process."""


def import_fiftyone() -> Any:
    """FiftyOne, with a database that answers.

    Raises:
        RunnerError: it is not installed, or its database can't be reached.
    """
    os.environ.setdefault("FIFTYONE_DO_NOT_TRACK", "true")  # as with MLflow, nothing is reported to anybody
    try:
        with _forgiving_metadata():
            import fiftyone
    except ImportError as error:
        raise RunnerError(
            f"FiftyOne can't be imported ({error}); install it with `pip install 'imagesweep[fiftyone]'`"
        ) from error
    require_database()
    return fiftyone


def require_database(seconds: float = PATIENCE_SECONDS) -> None:
    """Ask whether the database answers, before FiftyOne waits for it much longer.

    Raises:
        RunnerError: it does not.
    """
    import fiftyone

    _leave_soon_without_database()
    with database_errors():
        _require_answer(fiftyone.config.database_uri, seconds)


@contextmanager
def _forgiving_metadata() -> Iterator[None]:
    """Let packages' metadata lack a field while FiftyOne is imported.

    Importing MLflow brings ``importlib_metadata``, which takes over the standard library's look-up and raises KeyError
    for a missing field, where the standard library gives None. FiftyOne's package ``voxel51-eta`` relies on None.
    """
    strict = importlib.metadata.metadata

    class Forgiving:
        def __init__(self, name: str) -> None:
            self._fields = strict(name)

        def __getitem__(self, field: str) -> Any:
            return self.get(field)

        def get(self, field: str, default: Any = None) -> Any:
            return self._fields.get(field, default)  # type: ignore[attr-defined]

    if "importlib_metadata" in sys.modules and "eta" not in sys.modules:
        importlib.metadata.metadata = Forgiving  # type: ignore[assignment]
    try:
        yield
    finally:
        importlib.metadata.metadata = strict


def load_dataset(name: str) -> Dataset:
    """The dataset of that name as it is in the database now.

    Raises:
        RunnerError: there is none, naming those with similar names, or the database can't be reached.
    """
    fiftyone = import_fiftyone()
    with database_errors():
        if not fiftyone.dataset_exists(name):
            raise RunnerError(_unknown(name, fiftyone.list_datasets()))
        dataset = fiftyone.load_dataset(name)
        dataset.reload()  # this process may have read it hours ago
        return dataset


@contextmanager
def database_errors(what: str = "") -> Iterator[None]:
    """Turn what FiftyOne and MongoDB raise when the database is away, or the dataset gone, into a RunnerError.

    Args:
        what: what could not be done and how to go on, added to the sentence; empty for nothing.
    """
    from fiftyone.core.config import FiftyOneConfigError
    from fiftyone.core.dataset import DatasetNotFoundError
    from fiftyone.core.service import ServiceException
    from mongoengine.errors import DoesNotExist
    from pymongo.errors import DocumentTooLarge, PyMongoError

    ending = f"; {what}" if what else ""
    try:
        yield
    except DocumentTooLarge as error:
        raise RunnerError(
            f"the dataset's own document exceeds MongoDB's 16 MB, which hold its saved views and runs; "
            f"work on `dataset.view().clone(NAME)`, which has none, or delete those that nobody needs any more{ending}"
        ) from error
    except (DatasetNotFoundError, DoesNotExist) as error:
        raise RunnerError(f"the FiftyOne dataset has been deleted meanwhile{ending}") from error
    except ValueError as error:
        if not str(error).endswith("is deleted"):  # what FiftyOne says of a dataset that this process has deleted
            raise
        raise RunnerError(f"the FiftyOne dataset has been deleted meanwhile{ending}") from error
    except (ServiceException, FiftyOneConfigError, ConnectionError, PyMongoError) as error:
        reason = re.split(r" \(configured|, Timeout|\n", _without_secrets(str(error).strip()))[0][:200].rstrip(".")
        raise RunnerError(f"FiftyOne's database can't be reached ({reason}); {_remedy()}{ending}") from error


def _without_secrets(text: str) -> str:
    """``text`` without the user and password by which the database is reached."""
    import fiftyone

    return TrackingAddress.of(fiftyone.config.database_uri or "", {}).hide(text)


def _require_answer(uri: str | None, seconds: float) -> None:
    """Ask the server once: FiftyOne and its driver would wait for half a minute, several times over."""
    import pymongo
    from fiftyone.core.odm import get_db_client

    if uri:
        client: pymongo.MongoClient[dict] = pymongo.MongoClient(uri)
        with client, pymongo.timeout(seconds):
            client.admin.command("ping")
    else:
        client = get_db_client()  # starts FiftyOne's own server, unless that has been done
        with pymongo.timeout(seconds):
            client.admin.command("ping")


@cache
def _leave_soon_without_database() -> None:
    """See to it, once, that a database which went away does not hold up the end of the process.

    FiftyOne tidies up when it ends, and waits half a minute for an answer; what is registered later runs earlier.
    """
    import pymongo

    def hurry() -> None:
        try:
            require_database(_LAST_SECONDS)
        except RunnerError:
            pymongo.timeout(_LAST_SECONDS).__enter__()  # never left: it holds until the process has ended

    atexit.register(hurry)


def _remedy() -> str:
    import fiftyone

    if fiftyone.config.database_uri:
        return "start the MongoDB that FIFTYONE_DATABASE_URI (or FiftyOne's database_uri setting) names, or change that"
    return "run `python -m runner.integrations.fiftyone.mongod`, or set FIFTYONE_DATABASE_URI to a MongoDB of yours"


def _unknown(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if near:
        return f"there is no FiftyOne dataset {name!r}; did you mean {' or '.join(map(repr, near))}?"
    some = ", ".join(map(repr, known[:5])) + (" …" if len(known) > 5 else "")
    return f"there is no FiftyOne dataset {name!r}; " + (
        f"known are {some}" if known else "this database holds no dataset at all"
    )
