"""What goes wrong with stores is said in one sentence, soon, and without passwords."""

from __future__ import annotations

import os
import socket
import sqlite3
from contextlib import closing
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from runner.errors import RunnerError, UsageError
from runner.integrations.mlflow import mlflow_store
from runner.integrations.mlflow.experiment_log import check_store
from runner.integrations.mlflow.mlflow_store import open_store


@pytest.fixture
def closed_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_server_that_is_not_there(tmp_path: Path, closed_port: int) -> None:
    with pytest.raises(
        RunnerError, match=f"127.0.0.1:{closed_port} does not answer .*refused.*--tracking-uri"
    ) as caught:
        check_store(f"http://somebody:secret@127.0.0.1:{closed_port}", "stamps", tmp_path)
    assert "secret" not in str(caught.value)
    assert "somebody" not in str(caught.value)


def test_a_server_that_never_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with closing(socket.socket()) as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(RunnerError, match=r"does not answer .*timed out"):
            check_store(f"http://127.0.0.1:{silent.getsockname()[1]}", "stamps", tmp_path)


def test_a_server_that_is_not_mlflow(tmp_path: Path) -> None:
    with HTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(
            RunnerError, match=rf"the MLflow server at http://127.0.0.1:{server.server_port} refused \("
        ):
            check_store(f"http://127.0.0.1:{server.server_port}", "stamps", tmp_path)
        server.shutdown()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    file = tmp_path / "notes.db"
    file.write_text("these are my notes, not a database " * 50)
    with pytest.raises(RunnerError, match=r"notes\.db cannot be used \(file is not a database\)"):
        check_store(f"sqlite:///{file}", "stamps", tmp_path)
    assert file.read_text().startswith("these are my notes")


def test_a_database_of_another_version(store: Any) -> None:
    with closing(sqlite3.connect(store.out / "mlflow.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '451aebb31d03'")
    copy = store.out / "old.db"  # under a name that MLflow has not checked yet
    (store.out / "mlflow.db").rename(copy)
    with pytest.raises(RunnerError, match=r"another version of MLflow.*mlflow db upgrade sqlite:///.*old\.db"):
        check_store(f"sqlite:///{copy}", "stamps", store.out)


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunnerError, match="cannot be used"):
        check_store(f"sqlite:///{tmp_path}/file/mlflow.db", "stamps", tmp_path)
    (tmp_path / "folder.db").mkdir()
    with pytest.raises(RunnerError, match="cannot be used"):
        check_store(f"sqlite:///{tmp_path}/folder.db", "stamps", tmp_path)


def test_a_kind_of_store_that_mlflow_does_not_know(tmp_path: Path) -> None:
    with pytest.raises(RunnerError, match="carrier-pigeon"):
        check_store("carrier-pigeon://coop", "stamps", tmp_path)


def test_one_writer_at_a_time(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mlflow_store, "_LOCK_SECONDS", 0.1)
    with open_store(store.uri, store.out), pytest.raises(RunnerError, match="another process has been logging"):
        check_store(store.uri, "stamps", store.out)
    check_store(store.uri, "stamps", store.out)


def test_errors_of_the_caller_are_not_explained_away(store: Any) -> None:
    with pytest.raises(ZeroDivisionError), open_store(store.uri, store.out):
        raise ZeroDivisionError
    with pytest.raises(UsageError, match="theirs"), open_store(store.uri, store.out):
        raise UsageError("theirs")


def test_nothing_is_reported_and_the_environment_is_as_before(store: Any) -> None:
    before = dict(os.environ)
    with open_store(store.uri, store.out):
        assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
    changed = {name for name in os.environ.keys() | before.keys() if os.environ.get(name) != before.get(name)}
    assert changed <= {"MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK"}


def test_the_store_is_one_plain_file_afterwards(store: Any) -> None:
    with open_store(store.uri, store.out) as client:
        client.create_experiment("stamps")
        assert (store.out / "mlflow.db-wal").exists()
    assert sorted(path.name for path in store.out.iterdir()) == [".mlflow.db.lock", "mlflow.db"]
    with closing(sqlite3.connect(store.out / "mlflow.db")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_a_store_that_somebody_reads_is_written_all_the_same(store: Any) -> None:
    with closing(sqlite3.connect(store.out / "mlflow.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM experiments").fetchone()
        with open_store(store.uri, store.out) as client:
            assert client.get_experiment_by_name("stamps") is None
        reader.execute("COMMIT")
        with open_store(store.uri, store.out) as client:
            client.create_experiment("stamps")
        assert reader.execute("SELECT count(*) FROM experiments WHERE name = 'stamps'").fetchone() == (1,)


def test_a_database_without_its_driver_names_the_package(tmp_path: Path) -> None:
    with (
        pytest.raises(RunnerError, match=r"mssql\+pyodbc://host/db needs the package pyodbc") as refused,
        open_store("mssql+pyodbc://me:secret@host/db", tmp_path) as client,
    ):
        client.search_experiments()
    assert "secret" not in str(refused.value)
