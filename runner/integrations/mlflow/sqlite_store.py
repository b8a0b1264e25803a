"""SQLite stores: created as a whole or not at all, and written to without waiting for the disk at each step."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

_pristine: bytes | None = None
"""A fresh store as this process has built it: copying it costs milliseconds, where building another takes seconds and
leaves megabytes of migrations in memory."""


def create_store(database: Path) -> None:
    """Create a fresh MLflow store, unless there is one.

    MLflow builds its tables in dozens of separately committed steps, and a store that was left half-way cannot be
    used or repaired. So it is built under another name and renamed when it is whole. The caller holds the lock.
    """
    global _pristine
    if database.is_file() and database.stat().st_size:
        return
    for leftover in database.parent.glob(f".{database.name}.*.new*"):
        leftover.unlink()
    building = database.with_name(f".{database.name}.{uuid4().hex}.new")  # MLflow remembers stores by their names
    building.touch()  # where that is not allowed it fails at once, MLflow would try for minutes
    if _pristine is None:
        _build(building)
        _pristine = building.read_bytes()
    else:
        building.write_bytes(_pristine)
    with building.open("rb") as written:
        os.fsync(written.fileno())
    building.replace(database)


def _build(database: Path) -> None:
    """Have MLflow make its tables in an empty file."""
    uri = f"sqlite:///{database}"
    with _on_each_use(database, "PRAGMA synchronous=OFF"):
        from mlflow.tracking import MlflowClient

        MlflowClient(uri, uri).search_experiments(max_results=1)
    release_store(uri)


def release_store(uri: str) -> None:
    """Close a database store and have MLflow forget it: else it keeps each one's connections, statements and caches,
    megabytes of them, for the life of the process."""
    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as RegistryStore
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
    from mlflow.tracking._model_registry.utils import _get_store_registry
    from mlflow.tracking._tracking_service.utils import _tracking_store_registry

    for kind in (SqlAlchemyStore, RegistryStore):
        engine = kind._engine_map.pop(uri, None)
        if engine is not None:
            engine.dispose()
    for registry in (_tracking_store_registry, _get_store_registry()):
        registry._get_store_with_resolved_uri.cache_clear()


@contextmanager
def fast_commits(database: Path) -> Iterator[None]:
    """Write-ahead logging while the block runs: a commit costs a quarter, and none can leave the file damaged.

    Where another process has the file open it stays as it is, and where one opens it meanwhile it stays in this mode;
    both are safe. At the end the store is one plain file again, as other people's tools and copies expect.
    """
    keeper = sqlite3.connect(database, timeout=1, isolation_level=None)
    try:
        _require_unlocked(keeper)
        _set_journal_mode(keeper, "WAL")
        with _on_each_use(database, "PRAGMA synchronous=NORMAL"):
            yield
    finally:
        with suppress(sqlite3.Error):  # the block's own error says more
            _set_journal_mode(keeper, "DELETE")
        keeper.close()


_LOCK_SECONDS = 30
"""How long another program may hold the store before that is told; MLflow itself would try for minutes."""


def _require_unlocked(connection: sqlite3.Connection) -> None:
    """Raise sqlite3.OperationalError where nothing can be written for so long; readers stand in nobody's way."""
    connection.execute(f"PRAGMA busy_timeout={_LOCK_SECONDS * 1000}")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("ROLLBACK")
    connection.execute("PRAGMA busy_timeout=1000")


def _set_journal_mode(connection: sqlite3.Connection, mode: str) -> None:
    try:
        connection.execute(f"PRAGMA journal_mode={mode}")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise


@contextmanager
def _on_each_use(database: Path, pragma: str) -> Iterator[None]:
    """Run ``pragma`` on SQLAlchemy's connections to ``database`` in the block, and close them at its end."""
    from sqlalchemy import event
    from sqlalchemy.engine import Connection, Engine

    engines: set[Engine] = set()

    def prepare(connection: Connection) -> None:
        if connection.engine.url.database == str(database):
            engines.add(connection.engine)
            cursor = connection.connection.cursor()
            cursor.execute(pragma)
            cursor.close()

    event.listen(Engine, "engine_connect", prepare)
    try:
        yield
    finally:
        event.remove(Engine, "engine_connect", prepare)
        for engine in engines:
            engine.dispose()
