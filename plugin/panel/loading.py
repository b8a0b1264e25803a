"""From what is chosen to what is shown: only the open tab's data are read and sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..mlflow.pages import linked, run_link
from ..results.choices import experiments_of
from ..results.labels import Results, read_results
from ..results.ranking_table import RankingTable, ranking_table
from .charts import Trace, parallel_chart, score_chart
from .choice import Choice
from .cluster_charts import Name, contingency_chart, default_name, map_chart, size_chart

if TYPE_CHECKING:
    from runner.integrations.fiftyone.experiment_runs import ExperimentRun


@dataclass(frozen=True)
class TwoTrials:
    """Two trials of the images that both have.

    Attributes:
        ids: sample ids.
        first, second: labels, shape (len(ids),).
    """

    ids: tuple[str, ...]
    first: np.ndarray
    second: np.ndarray

    def common(self, first: int, second: int) -> list[str]:
        """Ids of the samples in cluster ``first`` of the one and ``second`` of the other."""
        return [self.ids[row] for row in np.flatnonzero((self.first == first) & (self.second == second))]


@dataclass(frozen=True)
class Shown:
    """All that the panel shows.

    Attributes:
        choice: as it is in effect: what is gone has been replaced by the first that is there.
        runs: experiments to choose from, the latest first.
        results, other: of the chosen experiments.
        table: the ranking.
        pair: the two trials, where the tab compares them.
        name, other_name: what their clusters are called.
        problem: why something cannot be shown; None if all can.
    """

    choice: Choice
    runs: Sequence[ExperimentRun] = ()
    results: Results | None = None
    other: Results | None = None
    table: RankingTable | None = None
    pair: TwoTrials | None = None
    name: Name = default_name
    other_name: Name = default_name
    problem: str | None = None

    @property
    def trial(self) -> str | None:
        return self.choice.trial

    @property
    def run(self) -> ExperimentRun | None:
        return next((run for run in self.runs if run.key == self.choice.experiment), None)

    def data(self) -> dict[str, Any]:
        """The link to MLflow, and what the open tab's table or chart draws."""
        run = self.run
        link = {} if run is None or run.run_id is None else {"mlflow": linked(run_link(run))}
        return {**link, **self._tab_data()}

    def _tab_data(self) -> dict[str, Any]:
        if self.results is None or self.trial is None:
            return {}
        if self.choice.tab == "ranking" and self.table is not None:
            titles = list(self.table.columns)
            rows = [[row[key] for key in titles] for row in self.table.rows]
            chosen = [self.table.trials.index(self.trial)] if self.trial in self.table.trials else []
            return {"ranking": {"rows": rows, "columns": titles, "selectedRows": chosen}}
        return {f"{self.choice.tab}_chart": self._chart()}

    def _chart(self) -> list[Trace]:
        assert self.results is not None and self.trial is not None
        summary, trial = self.results.summary, self.trial
        match self.choice.tab:
            case "scores":
                return score_chart(summary, None if self.other is None else self.other.summary, trial)
            case "parallel":
                return parallel_chart(summary)
            case "clusters":
                return size_chart(self.results.labels(trial), self.name)
            case "map":
                return map_chart(self.results, trial, summary.trial(trial).embedding, self.name)
        if self.pair is None:
            return []
        return contingency_chart(self.pair.first, self.pair.second, self.name, self.other_name)


def load(dataset: Any, choice: Choice) -> Shown:
    """Read what the choice needs; a choice that no longer holds is replaced by the best there is."""
    from runner.errors import RunnerError

    runs = experiments_of(dataset)
    keys = [run.key for run in runs]
    if not keys:
        return Shown(replace(choice, experiment=None, trial=None))
    key = choice.experiment if choice.experiment in keys else keys[0]
    other_key = choice.other if choice.other in keys and choice.other != key else None
    try:
        results = read_results(_out(runs, key))
        other = read_results(_out(runs, other_key)) if other_key else None
    except RunnerError as error:
        return Shown(replace(choice, experiment=key, trial=None), runs, problem=str(error))
    ranking = results.summary.ranking
    trial = choice.trial if choice.trial in ranking else next(iter(ranking), None)
    second = (other or results).summary.ranking
    usable = [one for one in second if other is not None or one != trial]
    other_trial = choice.other_trial if choice.other_trial in usable else next(iter(usable), None)
    choice = replace(choice, experiment=key, other=other_key, trial=trial, other_trial=other_trial)
    return Shown(
        choice,
        runs,
        results,
        other,
        ranking_table(results.summary, choice.order),
        _two_trials(results, other or results, trial, other_trial) if choice.tab == "compare" else None,
        _names(dataset, trial),
        _names(dataset, other_trial),
    )


def _out(runs: Sequence[ExperimentRun], key: str) -> Any:
    return next(run.out for run in runs if run.key == key)


def _two_trials(results: Results, other: Results, trial: str | None, other_trial: str | None) -> TwoTrials | None:
    if trial is None or other_trial is None:
        return None
    row_of = {sample_id: row for row, sample_id in enumerate(other.ids)}
    rows = [(row, row_of[sample_id]) for row, sample_id in enumerate(results.ids) if sample_id in row_of]
    first, second = np.array(rows, dtype=np.int64).reshape(-1, 2).T
    ids = tuple(results.ids[row] for row in first)
    return TwoTrials(ids, results.labels(trial)[first], other.labels(other_trial)[second])


def _names(dataset: Any, trial: str | None) -> Name:
    """What the clusters of a trial are called in its field, if it has one."""
    from runner.integrations.fiftyone.field_record import cluster_fields

    for record in cluster_fields(dataset).values():
        if record.trial == trial and record.names:
            names = {int(cluster): name.name for cluster, name in record.names.items()}
            return lambda cluster: names.get(cluster, default_name(cluster))
    return default_name
