"""Opening an MLflow store for writing: quietly, alone, and with errors that say what to do.

MLflow is imported here, when a store is opened, and nowhere else in this package.
"""

from __future__ import annotations

import logging
import os
import re
import sqlite3
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import RunnerError
from runner.integrations.mlflow.address import PASSWORD, TOKEN, USER, TrackingAddress
from runner.integrations.mlflow.sqlite_store import create_store, fast_commits, release_store
from runner.integrations.mlflow.tracking_uri import checked_tracking_uri, is_remote, sqlite_file
from runner.utils.drives import acquired, has_record_locks, released
from runner.utils.system_errors import BACK, GONE

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

_UNREACHABLE = (
    "connection refused",
    "name or service not known",
    "name resolution",
    "timed out",
    "connection reset",
    "connection aborted",
    "max retries exceeded",
)
"""What is in the text of an error when there is no server, the most telling first."""

_REMEDIES = (
    ("is locked", "another program has it open; wait until that is done, and run the same command again"),
    ("disk is full", "make room on its disk, and run the same command again"),
    ("disk i/o error", BACK),
    ("no space left", "make room on its disk, and run the same command again"),
    ("readonly", "it may only be read; change its permissions, or choose another --tracking-uri"),
    ("permission denied", "it may not be written; change its permissions, or choose another --tracking-uri"),
)
"""What to do about an error of a database, by words in its text."""

_NO_STORE = "it stays as it is; choose another --tracking-uri"

_logger = logging.getLogger(__name__)

_PRIVATE = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
"""Set before MLflow is imported, whatever the user's environment says: nothing is reported to anybody."""

_QUIET = {"MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true", "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false"}

_IMPATIENT = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
"""While it is open whether the server is there at all."""

_PATIENT = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "4", "MLFLOW_HTTP_REQUEST_TIMEOUT": "60"}
"""Once it has answered: about half a minute of retries."""

_NOISY_PACKAGES = ("alembic", "mlflow", "sqlalchemy", "urllib3")
"""Packages whose loggers tell, with stack traces, what we say in a sentence."""

_LOCK_SECONDS = 600.0
"""How long to wait for another process that is logging to the same store."""


def without_telemetry(environment: Mapping[str, str]) -> dict[str, str]:
    """``environment`` with MLflow's usage reports switched off."""
    return {**environment, **_PRIVATE}


@contextmanager
def open_store(tracking_uri: str, out: Path) -> Iterator[MlflowClient]:
    """A client of the store, the only writer as far as this machine's runners go; a fresh SQLite store is created.

    Args:
        tracking_uri: where to log.
        out: the results folder; holds the lock where the store is no local file.

    Raises:
        UsageError: if nothing can be logged to such a URI.
        RunnerError: if the store cannot be used, or fails while it is in use.
    """
    address = TrackingAddress.of(checked_tracking_uri(tracking_uri))
    os.environ.update(_PRIVATE)
    database = sqlite_file(address.uri)
    with ExitStack() as stack:
        stack.enter_context(_environment(_QUIET))
        stack.enter_context(_silence())
        stack.enter_context(_explained_errors(address))
        if database is not None:
            _require_locks(database)
        stack.enter_context(_single_writer(address.uri, database or out / "mlflow"))
        if database is not None:
            create_store(database)
            stack.enter_context(fast_commits(database))
        yield _connected(address, stack)


def _connected(address: TrackingAddress, stack: ExitStack) -> MlflowClient:
    from mlflow.tracking import MlflowClient

    if not is_remote(address.uri):
        uri = address.database_uri
        stack.callback(release_store, uri)
        return MlflowClient(uri, uri)
    stack.enter_context(_environment(address.variables))
    client = MlflowClient(address.uri, address.uri)
    with _environment(_defaults(_IMPATIENT)):
        client.search_experiments(max_results=1)
    stack.enter_context(_environment(_defaults(_PATIENT)))
    return client


def _defaults(values: Mapping[str, str]) -> dict[str, str]:
    """Those of ``values`` that the user has not set."""
    return {name: value for name, value in values.items() if name not in os.environ}


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _silence() -> Iterator[None]:
    """No migration log of a fresh store, no warnings, no traces of errors that we explain ourselves."""
    import alembic  # noqa: F401
    import mlflow  # noqa: F401 - sets the levels of its loggers when it is imported
    import sqlalchemy  # noqa: F401

    loggers = [logging.getLogger(name) for name in _NOISY_PACKAGES]
    for name in list(logging.root.manager.loggerDict):
        if name.startswith(tuple(f"{package}." for package in _NOISY_PACKAGES)):  # some have levels of their own
            loggers.append(logging.getLogger(name))
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


def _require_locks(database: Path) -> None:
    """Refuse a store that SQLite would wait for in vain."""
    database.parent.mkdir(parents=True, exist_ok=True)
    if not has_record_locks(database.parent):
        raise RunnerError(
            f"the MLflow store {database} is on a drive without file locks, which SQLite needs; "
            "choose another --tracking-uri, such as sqlite:////FOLDER/mlflow.db on a local disk"
        )


@contextmanager
def _single_writer(shown: str, beside: Path) -> Iterator[None]:
    from filelock import FileLock, Timeout

    beside.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(beside.with_name(f".{beside.name}.lock"))
    try:
        acquired(lock, timeout=2)
    except Timeout:
        _logger.warning("another process is logging to %s; waiting for it to end", shown)
        try:
            acquired(lock, timeout=_LOCK_SECONDS)
        except Timeout:
            raise RunnerError(
                f"another process has been logging to {shown} for {_LOCK_SECONDS / 60:.0f} minutes; "
                "wait for it to end, then run the same command again"
            ) from None
    try:
        yield
    finally:
        released(lock)


@contextmanager
def _explained_errors(address: TrackingAddress) -> Iterator[None]:
    """What goes wrong in MLflow, as one sentence with a remedy."""
    try:
        yield
    except RunnerError:
        raise
    except ModuleNotFoundError as error:  # the driver of a database is the user's to install
        raise RunnerError(
            f"the MLflow store {address.uri} needs the package {error.name}, which is not installed; "
            "install it, or choose another --tracking-uri"
        ) from error
    except Exception as error:
        if not _is_of_the_store(error):
            raise
        raise RunnerError(_explanation(address, error)) from error


def _is_of_the_store(error: Exception) -> bool:
    if isinstance(error, OSError | sqlite3.Error):
        return True
    from mlflow.exceptions import MlflowException
    from requests.exceptions import RequestException
    from sqlalchemy.exc import SQLAlchemyError

    return isinstance(error, MlflowException | RequestException | SQLAlchemyError)


def _explanation(address: TrackingAddress, error: Exception) -> str:
    shown = address.uri
    text = address.hide(str(error).replace(address.given, shown))
    reason = text.partition("\n")[0].partition(". See ")[0].strip().rstrip(".")[:300]
    if is_remote(shown):
        return _server_explanation(shown, text, reason)
    if "out-of-date database schema" in reason or "Can't locate revision" in text:
        return (
            f"the MLflow store {shown} was written by another version of MLflow; "
            f"back it up and run 'mlflow db upgrade {shown}', or choose another --tracking-uri"
        )
    if isinstance(error, OSError) and error.errno in GONE:
        return f"the MLflow store {shown} cannot be used ({reason}); {BACK}"
    remedy = next((remedy for words, remedy in _REMEDIES if words in text.lower()), _NO_STORE)
    return f"the MLflow store {shown} cannot be used ({reason}); {remedy}"


def _server_explanation(shown: str, text: str, reason: str) -> str:
    cause = next((words for words in _UNREACHABLE if words.lower() in text.lower()), None)
    if cause is not None:
        return (
            f"the MLflow server at {shown} does not answer ({cause}); start it, correct the --tracking-uri, "
            "or leave it out to log into the results folder"
        )
    if re.search(r"error code 40[13]|unauthorized|forbidden", text, re.IGNORECASE):
        return (
            f"the MLflow server at {shown} lets nobody in without the right password ({reason}); "
            f"set {USER} and {PASSWORD}, or {TOKEN}, and run the same command again"
        )
    return f"the MLflow server at {shown} refused ({reason}); once that is put right, the same command resumes"
