"""The step of the set-up that brings a MongoDB server: that it leaves alone what works."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.integrations.fiftyone import mongod


def test_a_server_of_the_users_own_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "config.json"
    monkeypatch.setenv("FIFTYONE_CONFIG_PATH", str(file))
    monkeypatch.delenv("FIFTYONE_DATABASE_URI")
    assert mongod.database_uri() is None
    file.write_text("{not json")
    assert mongod.database_uri() is None
    file.write_text('{"database_uri": "mongodb://here"}')
    assert mongod.database_uri() == "mongodb://here"
    monkeypatch.setenv("FIFTYONE_DATABASE_URI", "mongodb://there")
    assert mongod.database_uri() == "mongodb://there"


def test_what_is_there_stays(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    server = mongod.server_path()
    assert server is not None
    before = server.stat()
    assert mongod.main() == 0, "FIFTYONE_DATABASE_URI is set"
    monkeypatch.delenv("FIFTYONE_DATABASE_URI")
    assert mongod.main() == 0, "the server is there"
    assert server.stat() == before and capsys.readouterr() == ("", "")


def test_a_file_that_is_no_server(tmp_path: Path) -> None:
    assert not mongod._runs(tmp_path / "none")
    broken = tmp_path / "mongod"
    broken.write_text("no program")
    broken.chmod(0o755)
    assert not mongod._runs(broken)
