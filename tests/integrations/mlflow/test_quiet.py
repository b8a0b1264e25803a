"""Nothing that MLflow, SQLAlchemy or alembic have to say reaches the terminal; what went wrong is one sentence of ours.

Each case is a process of its own, since libraries set up their logging when they are imported. Costs about 20 s.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

PROGRAM = """
import sys
from pathlib import Path
from runner.errors import RunnerError
from runner.integrations.mlflow import sqlite_store
from runner.integrations.mlflow.experiment_log import check_store
sqlite_store._LOCK_SECONDS = 1
try:
    check_store(sys.argv[1], "stamps", Path(sys.argv[2]))
except RunnerError as error:
    print(f"runner: {error}", file=sys.stderr)
"""


def _told(uri: str, out: Path) -> str:
    """What a process that opens the store says on either stream."""
    command = [sys.executable, "-W", "default", "-c", PROGRAM, uri, str(out)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=240, check=True)
    return ended.stdout + "".join(
        line for line in ended.stderr.splitlines(keepends=True) if not _is_of_the_imports(line)
    )


def _is_of_the_imports(line: str) -> bool:
    """Whether it is a warning that only ``-W default`` shows."""
    return line.startswith("  ") or "Warning: " in line


def test_a_fresh_store_is_made_without_a_word(tmp_path: Path) -> None:
    assert _told(f"sqlite:///{tmp_path}/mlflow.db", tmp_path) == ""


def test_a_locked_store_is_locked_and_not_damaged(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    _told(uri, tmp_path)
    with closing(sqlite3.connect(tmp_path / "mlflow.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        told = _told(uri, tmp_path)
    assert told.count("\n") == 1
    assert "database is locked" in told
    assert "wait until that is done" in told
    assert "remove" not in told


def test_a_damaged_store_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 8000)
    told = _told(f"sqlite:///{tmp_path}/mlflow.db", tmp_path)
    assert told.count("\n") == 1
    assert "it stays as it is" in told
