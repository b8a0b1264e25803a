"""Where the runs go: tracking URIs, and what may be said of them. Imports no MLflow."""

from __future__ import annotations

import re
from pathlib import Path

from runner.errors import RunnerError, UsageError
from runner.integrations.mlflow.address import without_secrets
from runner.results.files import read_summary
from runner.results.paths import SUMMARY

STORE = "mlflow.db"
"""The embedded default: an SQLite file in the results folder."""

ARTIFACTS = "mlartifacts"
"""Folder beside the SQLite file that holds the runs' files."""

_SQLITE = "sqlite:///"
_UNFIT = {"?", "%"}


def default_tracking_uri(out: Path) -> str:
    """The SQLite store beside the results in ``out``.

    Raises:
        UsageError: if the path cannot stand in a database URI.
    """
    path = (out / STORE).expanduser().absolute()
    if unfit := set(str(path)) & _UNFIT:
        raise UsageError(
            f"{out} has {' and '.join(sorted(unfit))} in its path, which an MLflow database URI cannot hold; "
            "choose another --out, or give a --tracking-uri"
        )
    return f"{_SQLITE}{path}"


def checked_tracking_uri(tracking_uri: str) -> str:
    """``tracking_uri`` as given, a relative SQLite path made absolute.

    Raises:
        UsageError: if MLflow could log nothing there.
    """
    uri, shown = tracking_uri.strip(), without_secrets(tracking_uri.strip())
    if re.match(r"sqlite(\+\w+)?:", uri):
        path = uri.partition(":///")[2]
        if not path or path == ":memory:":
            raise UsageError(
                f"{shown!r} names no file; write it as sqlite:///mlflow.db or sqlite:////absolute/path/mlflow.db"
            )
        if "%" in path:
            raise UsageError(
                f"{shown!r} has % in its path, which MLflow misreads; write the path as it is, or choose another"
            )
        return uri if path.startswith("/") else f"{uri.partition(':///')[0]}:///{Path(path).absolute()}"
    if uri == "databricks" or (re.match(r"[A-Za-z][\w+.-]+:/", uri) and not uri.startswith("file:")):
        return uri
    raise UsageError(
        f"{shown!r} is no tracking URI that MLflow can log to: "
        "give http(s)://host:port, or sqlite:///path/mlflow.db for a local file"
    )


def tracking_uri_of(out: Path) -> str:
    """The store that the results in ``out`` were logged to.

    Raises:
        RunnerError: if there is none.
    """
    recorded = read_summary(out).experiment.tracking_uri if (out / SUMMARY).is_file() else None
    file = None if recorded is None else sqlite_file(recorded)
    if recorded is not None and (file is None or file.is_file()):
        return recorded
    if (out / STORE).is_file():  # also where the folder has been moved since
        return default_tracking_uri(out)
    if file is not None:
        raise RunnerError(f"the results in {out} were logged to {file}, which is not there; bring it back there")
    raise RunnerError(f"{out} holds no MLflow store ({STORE}); name the results folder of an experiment")


def sqlite_file(tracking_uri: str) -> Path | None:
    """The database file of an SQLite URI; None for any other kind of store."""
    scheme, _, path = tracking_uri.partition(":///")
    return Path(path.partition("?")[0]) if scheme.split("+")[0] == "sqlite" else None


def is_remote(tracking_uri: str) -> bool:
    """Whether an MLflow server is behind the URI."""
    return tracking_uri.startswith(("http://", "https://"))
