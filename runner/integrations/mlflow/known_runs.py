"""The runs of an experiment that a store already holds."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runner.integrations.mlflow.run_records import (
    CONTENT_TAG,
    EXPERIMENT_TAG,
    FAILED,
    FINISHED,
    PARENT,
    PARENT_TAG,
    TRIAL_TAG,
    RunRecord,
)

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

PAGE_SIZE = 1000
"""Runs per search request."""


@dataclass(frozen=True)
class KnownRun:
    """A run as the store has it; params, metrics and tags only where they were asked for."""

    run_id: str
    status: str
    tags: Mapping[str, str]
    params: Mapping[str, str]
    metrics: Mapping[str, float]

    @property
    def key(self) -> str:
        return self.tags.get(TRIAL_TAG, PARENT)

    @property
    def ended(self) -> bool:
        return self.status in (FINISHED, FAILED)


def is_up_to_date(known: KnownRun | None, record: RunRecord, parent_run_id: str) -> bool:
    """Whether nothing of ``record`` needs to be logged."""
    return (
        known is not None
        and known.status == record.status
        and known.tags.get(CONTENT_TAG) == record.digest(parent_run_id)
    )


def find_runs(client: MlflowClient, experiment_id: str, fingerprint: str) -> dict[str, KnownRun]:
    """All runs of the experiment by key (trial id, or ``PARENT``), deleted ones left out."""
    runs: list[KnownRun] = []
    token = None
    while True:
        page = client.search_runs(
            [experiment_id], f"tags.`{EXPERIMENT_TAG}` = '{fingerprint}'", max_results=PAGE_SIZE, page_token=token
        )
        for run in page:
            data = run.data
            runs.append(KnownRun(run.info.run_id, run.info.status, data.tags, data.params, data.metrics))
        token = page.token
        if not token:
            return _by_key(runs)


def find_runs_in_file(database: Path, experiment_name: str, fingerprint: str) -> dict[str, KnownRun]:
    """As :func:`find_runs`, by reading the SQLite file: a hundredth of a second instead of the seconds that importing
    MLflow takes. Only good for seeing that all is done; finds nothing where the file is not as expected."""
    if not database.is_file():
        return {}
    try:
        connection = sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True, timeout=1)
        try:
            rows = connection.execute(_ENDED_RUNS, (EXPERIMENT_TAG, fingerprint, experiment_name)).fetchall()
        finally:
            connection.close()
    except sqlite3.Error:  # no MLflow store, or another version's: MLflow itself will say
        return {}
    runs: dict[str, tuple[str, dict[str, str]]] = {}
    for run_id, status, key, value in rows:
        runs.setdefault(run_id, (status, {}))[1][key] = value
    return _by_key(KnownRun(run_id, status, tags, {}, {}) for run_id, (status, tags) in runs.items())


_ENDED_RUNS = f"""
    SELECT runs.run_uuid, runs.status, tags.key, tags.value
    FROM tags AS ours
    JOIN runs ON runs.run_uuid = ours.run_uuid AND runs.lifecycle_stage = 'active'
    JOIN experiments ON experiments.experiment_id = runs.experiment_id
    JOIN tags ON tags.run_uuid = runs.run_uuid AND tags.key IN ('{TRIAL_TAG}', '{CONTENT_TAG}', '{PARENT_TAG}')
    WHERE ours.key = ? AND ours.value = ? AND experiments.name = ?
"""


def _by_key(runs: Iterable[KnownRun]) -> dict[str, KnownRun]:
    """One run per key; where somebody has made a second one, the one that ended."""
    chosen: dict[str, KnownRun] = {}
    for run in runs:
        if run.key not in chosen or (run.ended and not chosen[run.key].ended):
            chosen[run.key] = run
    return chosen
