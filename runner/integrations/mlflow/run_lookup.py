"""Where MLflow keeps the parent run of an experiment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runner.errors import RunnerError
from runner.integrations.mlflow.mlflow_store import open_store
from runner.integrations.mlflow.tracking_uri import tracking_uri_of
from runner.results.summary import Summary


@dataclass(frozen=True)
class RunPlace:
    """A run's identity as MLflow's pages and other tools want it."""

    run_id: str
    experiment_id: str
    artifact_uri: str


def find_run(summary: Summary, out: Path) -> RunPlace | None:
    """The parent run of the results in ``out``; None if it was not logged, or its store does not answer now."""
    run_id = summary.experiment.mlflow_run_id
    if run_id is None:
        return None
    try:
        with open_store(tracking_uri_of(out), out) as client:
            info = client.get_run(run_id).info
    except RunnerError:
        return None
    return RunPlace(run_id, str(info.experiment_id), str(info.artifact_uri))
