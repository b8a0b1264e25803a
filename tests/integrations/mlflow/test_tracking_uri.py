from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from runner.errors import RunnerError, UsageError
from runner.integrations.mlflow.tracking_uri import (
    checked_tracking_uri,
    default_tracking_uri,
    is_remote,
    sqlite_file,
    tracking_uri_of,
    without_secrets,
)
from runner.results.summary import Summary


def test_the_default_is_a_file_in_the_results_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert default_tracking_uri(Path("results")) == f"sqlite:///{tmp_path}/results/mlflow.db"
    assert sqlite_file(default_tracking_uri(Path("results"))) == tmp_path / "results" / "mlflow.db"


@pytest.mark.parametrize("folder", ["what?", "50%"])
def test_folders_that_no_database_uri_can_name(tmp_path: Path, folder: str) -> None:
    with pytest.raises(UsageError, match="choose another --out"):
        default_tracking_uri(tmp_path / folder)


def test_a_relative_file_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert checked_tracking_uri("sqlite:///runs.db") == f"sqlite:///{tmp_path}/runs.db"


@pytest.mark.parametrize(
    "uri",
    ["sqlite:////a/b.db", "http://host:5000", "https://user:word@host/path", "postgresql://host/db", "databricks"],
)
def test_uris_that_are_kept(uri: str) -> None:
    assert checked_tracking_uri(uri) == uri


@pytest.mark.parametrize("uri", ["", "mlruns", "./mlruns", "/a/mlruns", "file:///a", "sqlite://", "sqlite:///:memory:"])
def test_uris_that_mlflow_cannot_log_to(uri: str) -> None:
    with pytest.raises(UsageError, match="sqlite:///"):
        checked_tracking_uri(uri)


def test_a_percent_sign_is_refused_rather_than_misread() -> None:
    with pytest.raises(UsageError, match="has % in its path"):
        checked_tracking_uri("sqlite:////my%20files/mlflow.db")


def test_passwords_are_not_shown() -> None:
    assert without_secrets("https://user:word@host:5000/path") == "https://host:5000/path"
    assert without_secrets("postgresql://user:word@host/db") == "postgresql://host/db"
    assert without_secrets("sqlite:////home/me@work/mlflow.db") == "sqlite:////home/me@work/mlflow.db"


def test_what_is_remote() -> None:
    assert is_remote("https://host")
    assert not is_remote("sqlite:////a/b.db")
    assert sqlite_file("http://host") is None


def test_the_store_of_a_results_folder(tmp_path: Path, make_summary: Callable[..., Summary]) -> None:
    def write(tracking_uri: str | None) -> None:
        summary = make_summary([])
        experiment = summary.experiment.model_copy(update={"tracking_uri": tracking_uri})
        (tmp_path / "summary.json").write_text(summary.model_copy(update={"experiment": experiment}).model_dump_json())

    with pytest.raises(RunnerError, match="holds no MLflow store"):
        tracking_uri_of(tmp_path)
    write("http://host:5000")
    assert tracking_uri_of(tmp_path) == "http://host:5000"
    write("sqlite:////where/it/was/before/mlflow.db")
    with pytest.raises(RunnerError, match=r"logged to /where/it/was/before/mlflow[.]db, which is not there"):
        tracking_uri_of(tmp_path)
    (tmp_path / "mlflow.db").write_text("")
    assert tracking_uri_of(tmp_path) == default_tracking_uri(tmp_path)
    write(None)
    assert tracking_uri_of(tmp_path) == default_tracking_uri(tmp_path)
    other = tmp_path / "shared.db"
    other.write_text("")
    write(f"sqlite:///{other}")
    assert tracking_uri_of(tmp_path) == f"sqlite:///{other}"
