"""Choosing one of the dataset's experiments, and one or more of its trials, in a form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import fiftyone.operators.types as types

from ..base.forms import choose_one

if TYPE_CHECKING:
    from runner.integrations.fiftyone.experiment_runs import ExperimentRun
    from runner.results.summary import Summary


def experiments_of(dataset: Any) -> list[ExperimentRun]:
    """The finished experiments of a dataset whose results are still there, the latest first."""
    from runner.integrations.fiftyone.experiment_runs import experiment_runs

    return [run for run in experiment_runs(dataset) if run.has_results]


def choose_experiment(ctx: Any, inputs: types.Object) -> ExperimentRun:
    """Add the field ``experiment``; the one that is chosen, at first the latest.

    Raises:
        UsageError: there is none, or none of that name.
    """
    runs = experiments_of(ctx.dataset)
    if not runs:
        from runner.errors import UsageError

        raise UsageError(f"{ctx.dataset.name} has no finished experiment; use Run clustering experiment first.")
    chosen = chosen_experiment(ctx)
    choices = {run.key: f"{run.key}: {run.n_images:,} images, {run.n_trials} trials" for run in runs}
    choose_one(inputs, "experiment", choices, default=runs[0].key, label="Experiment")
    return chosen


def chosen_experiment(ctx: Any) -> ExperimentRun:
    """The experiment that the parameters name, or the latest; UsageError where there is none of that name."""
    from runner.errors import UsageError

    runs = {run.key: run for run in experiments_of(ctx.dataset)}
    key = ctx.params.get("experiment") or next(iter(runs), None)
    if key not in runs:
        known = f"it has {', '.join(runs)}" if runs else "it has none"
        raise UsageError(f"{ctx.dataset.name} has no finished experiment {key or ''}; {known}.")
    return runs[key]


def trial_choices(summary: Summary, most: int | None = None) -> dict[str, str]:
    """What to show for each ranked trial, by its id, best first."""
    from runner.results.display_names import embedding_names, trial_name

    names = embedding_names(summary.embeddings)
    choices = {}
    for rank, trial_id in enumerate(summary.ranking[:most], start=1):
        record = summary.trial(trial_id)
        scores = record.scores
        assert scores is not None  # only scored trials are ranked
        where = f", {names[record.embedding]}" if len(names) > 1 else ""
        choices[trial_id] = (
            f"{rank}. {trial_name(record)}{where}: {scores.n_clusters} clusters, noise {scores.noise_share:.0%}, "
            f"score {scores.ranking_score:.3f}"
        )
    return choices


def choose_field(ctx: Any, inputs: types.Object, name: str = "field", **options: Any) -> str:
    """Add the choice of one of the cluster fields that are whole; the name of the one that is chosen.

    Raises:
        UsageError: the dataset has no cluster field.
    """
    from runner.errors import UsageError
    from runner.integrations.fiftyone.field_record import cluster_fields

    records = {field: record for field, record in cluster_fields(ctx.dataset).items() if record.complete}
    if not records:
        raise UsageError(f"{ctx.dataset.name} has no cluster labels yet; use Write cluster labels first.")
    chosen = ctx.params.get(name) or next(iter(records))
    if chosen not in records:
        raise UsageError(f"{chosen} is no cluster field of {ctx.dataset.name}; it has {', '.join(records)}.")
    choices = {field: f"{record.title}: {record.n_clusters} clusters" for field, record in records.items()}
    choose_one(inputs, name, choices, default=next(iter(choices)), **{"label": "Labels", **options})
    return str(chosen)
