"""Experiments as runs of a dataset: what was tried, where its results and MLflow runs are, and how to take it away."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from runner.errors import RunnerError, UsageError
from runner.integrations.fiftyone.cluster_views import own_views
from runner.integrations.fiftyone.connection import database_errors
from runner.integrations.fiftyone.field_record import INFO_KEY, cluster_fields
from runner.integrations.mlflow.parent_record import parent_run_name
from runner.integrations.mlflow.run_lookup import RunPlace, find_run
from runner.results.paths import SUMMARY
from runner.results.summary import Summary

if TYPE_CHECKING:
    from fiftyone import Dataset
    from fiftyone.core.runs import RunConfig

    from runner.integrations.fiftyone.cluster_fields import WrittenField

METHOD = "mlflow_run"
"""What the community's MLflow plugin looks for in a run's config, along with ``run_id``, ``tracking_uri`` …"""

EXPERIMENT_METHOD = "mlflow_experiment"
"""Method of the run that stands for a whole MLflow experiment, with its name as key; that plugin offers only the runs
that its config names as ``runs``."""


class ExperimentRun(BaseModel):
    """An experiment that is registered with a dataset.

    ``key`` is the run key, ``out`` the results folder, ``fields`` the cluster fields written from it (whole ones, those
    that were deleted since left out), ``best_trial`` and ``scores`` what ranked first.
    """

    model_config = ConfigDict(frozen=True)

    key: str
    name: str
    fingerprint: str
    out: Path
    tracking_uri: str | None
    run_id: str | None
    created: datetime
    n_trials: int
    n_images: int
    best_trial: str | None
    scores: dict[str, float]
    fields: tuple[str, ...]

    @property
    def has_results(self) -> bool:
        """Whether the results folder is still there."""
        return (self.out / SUMMARY).is_file()


@dataclass(frozen=True)
class DeletionPlan:
    """What goes when an experiment is deleted from a dataset.

    Attributes:
        key: of the run, which goes last.
        fields: cluster fields, with all their values; those that another experiment shares are not among them.
        views: saved views of these fields.
        shared: fields that stay, as another experiment has them too.
        out: the results folder, which stays, as do the MLflow runs.
    """

    key: str
    fields: tuple[str, ...]
    views: tuple[str, ...]
    shared: tuple[str, ...]
    out: Path

    def lines(self) -> list[str]:
        """The plan, for people."""
        going = [("fields", self.fields), ("saved views", self.views), ("run", (self.key,))]
        lines = [f"delete {what}: {', '.join(names)}" for what, names in going if names]
        if self.shared:
            lines.append(f"keep fields that another experiment shows too: {', '.join(self.shared)}")
        return [*lines, f"keep the results in {self.out} and the MLflow runs"]


def register_experiment(dataset: Dataset, out: Path, summary: Summary, written: Sequence[WrittenField] = ()) -> str:
    """Enter an experiment as a run of the dataset; called again for the same results folder, it is brought up to date.

    The config is one that the community's MLflow plugin can read.

    Returns:
        the run key.

    Raises:
        RunnerError: the database can't be reached, or takes no more.
    """
    out = out.expanduser().resolve()
    config = dataset.init_run()
    for name, value in _config(out, summary, find_run(summary, out)).items():
        setattr(config, name, value)
    fields = [one.field for one in written]
    with database_errors(f"the results are complete in {out}"):
        former = next((run for run in experiment_runs(dataset) if run.out == out), None)
        fields = list(dict.fromkeys([*(former.fields if former else ()), *fields]))
        setattr(config, INFO_KEY, {**getattr(config, INFO_KEY), "fields": fields})
        if fields:
            config.predictions_field = fields[0]
        _enter_mlflow_experiment(dataset, config)
        if former is not None:
            dataset.update_run_config(former.key, config)
            return former.key
        key = _free_key(dataset.list_runs(), config.run_name)
        dataset.register_run(key, config)
        return key


def _enter_mlflow_experiment(dataset: Dataset, run: RunConfig) -> None:
    """Name the run in the entry of its MLflow experiment; an experiment whose name is no identifier can have none."""
    key = run.experiment_name
    if not key.isidentifier():
        return
    if key not in dataset.list_runs():
        config = dataset.init_run()
        config.method = EXPERIMENT_METHOD
        for name in ("experiment_name", "experiment_id", "tracking_uri"):
            setattr(config, name, getattr(run, name, None))
        config.runs = [run.run_name]
        setattr(config, INFO_KEY, {"entered": True})
        dataset.register_run(key, config)
        return
    config = dataset.get_run_info(key).config
    if config.method == EXPERIMENT_METHOD and run.run_name not in config.runs:
        config.runs = [*config.runs, run.run_name]
        dataset.update_run_config(key, config)


def _leave_mlflow_experiment(dataset: Dataset, run_key: str) -> None:
    """Take a run that is about to be deleted out of that entry; one that we made goes with its last run."""
    run = dataset.get_run_info(run_key).config
    key, name = getattr(run, "experiment_name", None), getattr(run, "run_name", None)
    others = [dataset.get_run_info(each).config for each in dataset.list_runs(method=METHOD) if each != run_key]
    if key not in dataset.list_runs(method=EXPERIMENT_METHOD) or name in [
        getattr(other, "run_name", None) for other in others
    ]:
        return
    config = dataset.get_run_info(key).config
    config.runs = [each for each in config.runs if each != name]
    if not config.runs and getattr(config, INFO_KEY, None):
        dataset.delete_run(key)
    else:
        dataset.update_run_config(key, config)


def experiment_runs(dataset: Dataset) -> list[ExperimentRun]:
    """The experiments registered with a dataset, the latest first; runs that others registered are left out."""
    with database_errors():
        dataset.reload()
        keys = dataset.list_runs(method=METHOD)
        whole = {name for name, record in cluster_fields(dataset).items() if record.complete}
        found = (_typed(key, dataset.get_run_info(key), whole) for key in keys)
        return sorted((run for run in found if run is not None), key=lambda run: run.created, reverse=True)


def deletion_plan(dataset: Dataset, run_key: str) -> DeletionPlan:
    """What ``delete_experiment`` would delete: only what we made, and only what no other experiment needs.

    Raises:
        UsageError: there is no experiment of that key.
    """
    runs = {run.key: run for run in experiment_runs(dataset)}
    if run_key not in runs:
        known = f"it has {', '.join(runs)}" if runs else "it has none"
        raise UsageError(f"the dataset {dataset.name!r} has no experiment {run_key!r}; {known}")
    run = runs[run_key]
    records = cluster_fields(dataset)
    listed = [name for name in _listed(dataset, run_key) if name in records]
    unfinished = [name for name, record in records.items() if record.out == str(run.out) and not record.complete]
    elsewhere = {name for other in runs.values() if other.key != run_key for name in other.fields}
    going = [name for name in dict.fromkeys([*listed, *unfinished]) if name not in elsewhere]
    views = own_views(dataset, tuple(view for name in going for view in records[name].views or ()))
    return DeletionPlan(run_key, tuple(going), views, tuple(name for name in listed if name in elsewhere), run.out)


def delete_experiment(dataset: Dataset, run_key: str, plan: DeletionPlan | None = None) -> DeletionPlan:
    """Delete an experiment's views, fields and run, in this order, so that what was interrupted can be called again.

    Args:
        dataset: that it is registered with.
        run_key: of the experiment.
        plan: what was shown to the user; anything else that would go by now is an error.

    Returns:
        what was deleted.

    Raises:
        UsageError: there is no experiment of that key.
        RunnerError: the dataset has changed since the plan was made, or its database can't be reached.
    """
    current = deletion_plan(dataset, run_key)
    if plan is not None and plan != current:
        raise RunnerError(f"the dataset {dataset.name!r} has changed since; look at what would be deleted once more")
    with database_errors("call it again to delete the rest"):
        for view in current.views:
            dataset.delete_saved_view(view)
        if current.fields:
            dataset.delete_sample_fields(list(current.fields))
        _leave_mlflow_experiment(dataset, run_key)
        dataset.delete_run(run_key)
    return current


def _config(out: Path, summary: Summary, place: RunPlace | None) -> dict[str, Any]:
    """What the run's config holds: MLflow's names at the top, our own below ``INFO_KEY``."""
    experiment = summary.experiment
    best = summary.trial(summary.ranking[0]) if summary.ranking else None
    scores = {} if best is None or best.scores is None else _numbers(vars(best.scores).items())
    mlflow = {
        "run_name": parent_run_name(experiment.name),
        "run_id": experiment.mlflow_run_id,
        "run_uuid": experiment.mlflow_run_id,
        "experiment_name": experiment.name,
        "experiment_id": place.experiment_id if place else None,
        "artifact_uri": place.artifact_uri if place else None,
        "tracking_uri": experiment.tracking_uri,
    }
    own = {
        "name": experiment.name,
        "fingerprint": experiment.fingerprint,
        "out": str(out),
        "n_trials": len(summary.trials),
        "n_images": summary.images.embedded + summary.images.cached,
        "best_trial": best.id if best else None,
        "version": experiment.version,
    }
    given = {name: value for name, value in mlflow.items() if value is not None}
    return {"method": METHOD, **given, "metrics": scores, "tags": {"imagesweep.out": str(out)}, INFO_KEY: own}


def _numbers(items: Iterable[tuple[str, Any]]) -> dict[str, float]:
    return {name: float(value) for name, value in items if isinstance(value, int | float)}


def _typed(key: str, info: Any, whole: set[str]) -> ExperimentRun | None:
    config = info.config
    own = getattr(config, INFO_KEY, None)
    if not own:
        return None
    try:
        return ExperimentRun.model_validate(
            {
                **{name: value for name, value in own.items() if name in ExperimentRun.model_fields},
                "key": key,
                "tracking_uri": getattr(config, "tracking_uri", None),
                "run_id": getattr(config, "run_id", None),
                "created": info.timestamp,
                "scores": dict(getattr(config, "metrics", None) or {}),
                "fields": tuple(name for name in own.get("fields", ()) if name in whole),
            }
        )
    except ValidationError:
        return None


def _listed(dataset: Dataset, run_key: str) -> list[str]:
    """All fields that an experiment was entered with, whole or not."""
    return list(getattr(dataset.get_run_info(run_key).config, INFO_KEY).get("fields", ()))


def _free_key(taken: Iterable[str], wanted: str) -> str:
    known = set(taken)
    return next(key for key in (wanted if n == 1 else f"{wanted}_{n}" for n in count(1)) if key not in known)
