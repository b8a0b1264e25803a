"""The panel itself: what happens when it opens, and when something in it is clicked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import fiftyone.operators as foo
import fiftyone.operators.types as types

from ..base.operator import PATIENCE
from ..engine import engine_state
from ..running.live_runs import LiveRuns, RunStatus, panel_data, under_way
from .choice import NO_OTHER, Choice, read_choice
from .cluster_charts import cluster_of
from .grid_view import show_cluster, show_samples
from .layout import render_panel, render_problem
from .loading import Shown, load

URI = "@imagesweep/clustering"


class ClusteringExperiments(foo.Panel):
    """Experiments of the dataset, their rankings, and their clusters."""

    @property
    def config(self) -> foo.PanelConfig:
        return foo.PanelConfig(
            name="clustering_experiments",
            label="Clustering experiments",
            icon="bubble_chart",
            category=foo.Categories.ANALYZE,
            help_markdown="Rankings, maps and clusters of this dataset's experiments. Click a cluster, or draw a lasso "
            "around points, and the grid shows those samples.",
        )

    def execute(self, ctx: Any) -> Any:
        """Answer an event; with a sentence where something fails, such as a database that is away."""
        if engine_state().problem is not None:
            return super().execute(ctx)
        from runner.errors import RunnerError
        from runner.integrations.fiftyone.connection import database_errors, require_database

        try:
            require_database(PATIENCE)
            with database_errors():
                return super().execute(ctx)
        except RunnerError as error:
            ctx.ops.show_panel_output(render_problem(self, str(error)))
            return None

    def on_load(self, ctx: Any) -> None:
        choice = read_choice(ctx)
        ctx.panel.set_state("tab", choice.tab)
        self._update(ctx, choice)
        if self._has_running(ctx):
            ctx.trigger(f"{URI}/follow_experiments", {"panel": ctx.panel.id})

    def on_change_dataset(self, ctx: Any) -> None:
        self._update(ctx, Choice())

    def render(self, ctx: Any) -> types.Property:
        return render_panel(self, ctx)

    # What is clicked

    def refresh(self, ctx: Any) -> None:
        self.on_load(ctx)

    def choose_experiment(self, ctx: Any) -> None:
        self._choose(ctx, experiment=ctx.params["value"])

    def choose_other(self, ctx: Any) -> None:
        other = ctx.params["value"]
        self._choose(ctx, other=None if other == NO_OTHER else other)

    def choose_trial(self, ctx: Any) -> None:
        self._choose(ctx, trial=ctx.params["value"])

    def choose_other_trial(self, ctx: Any) -> None:
        self._choose(ctx, other_trial=ctx.params["value"])

    def choose_tab(self, ctx: Any) -> None:
        ctx.panel.set_state("tab", ctx.params["value"])
        self._update(ctx, read_choice(ctx))

    def click_ranking(self, ctx: Any) -> None:
        """A title sorts, a row chooses its trial."""
        choice, shown = read_choice(ctx), self._shown(ctx)
        row, column = ctx.params["row"], ctx.params["column"]
        if shown.table is None:
            return
        if row < 0:
            choice = choice.sorted_by(shown.table.columns[column]) if column >= 0 else choice
        else:
            choice = replace(choice, trial=shown.table.trials[row])
        self._update(ctx, choice)

    def click_score(self, ctx: Any) -> None:
        trial, shown = ctx.params.get("id"), self._shown(ctx)
        if shown.results is not None and trial in shown.results.summary.ranking:
            self._update(ctx, replace(read_choice(ctx), trial=trial))

    def click_size(self, ctx: Any) -> None:
        shown = self._shown(ctx)
        if shown.results is None or shown.trial is None:
            return
        cluster = cluster_of(str(ctx.params.get("x")), shown.results.labels(shown.trial), shown.name)
        if cluster is not None:
            show_cluster(ctx, shown.results, shown.trial, cluster)

    def click_map(self, ctx: Any) -> None:
        """A click on a point shows its cluster."""
        shown = self._shown(ctx)
        sample = ctx.params.get("id")
        if shown.results is None or shown.trial is None or sample not in shown.results.ids:
            return
        labels = shown.results.labels(shown.trial)
        show_cluster(ctx, shown.results, shown.trial, int(labels[shown.results.ids.index(sample)]))

    def lasso_map(self, ctx: Any) -> None:
        ids = [point["id"] for point in ctx.params.get("data") or [] if point.get("id")]
        if ids:
            show_samples(ctx, ids)

    def click_contingency(self, ctx: Any) -> None:
        """A cell shows the samples that are in both clusters."""
        shown = self._shown(ctx)
        if shown.pair is None:
            return
        first = cluster_of(str(ctx.params.get("y")), shown.pair.first, shown.name)
        second = cluster_of(str(ctx.params.get("x")), shown.pair.second, shown.other_name)
        if first is not None and second is not None:
            show_samples(ctx, shown.pair.common(first, second))

    def show_all(self, ctx: Any) -> None:
        ctx.ops.clear_view()

    # Operators

    def run_experiment(self, ctx: Any) -> None:
        ctx.prompt(f"{URI}/run_experiment", on_success=self.refresh)

    def write_trial(self, ctx: Any) -> None:
        shown = self._shown(ctx)
        params = {"experiment": shown.choice.experiment, "trials": [shown.trial] if shown.trial else []}
        ctx.prompt(f"{URI}/write_labels", params=params, on_success=self.refresh)

    def rank_again(self, ctx: Any) -> None:
        params = {"experiment": self._shown(ctx).choice.experiment}
        ctx.prompt(f"{URI}/rank_again", params=params, on_success=self.refresh)

    def delete_experiment(self, ctx: Any) -> None:
        params = {"experiment": self._shown(ctx).choice.experiment}
        ctx.prompt(f"{URI}/delete_experiment", params=params, on_success=self.refresh)

    def open_mlflow(self, ctx: Any) -> None:
        ctx.trigger(f"{URI}/open_mlflow", {"experiment": self._shown(ctx).choice.experiment, "panel": ctx.panel.id})

    def cancel(self, ctx: Any) -> None:
        runs = LiveRuns(ctx.dataset)
        for run in under_way(runs.all()):
            runs.cancel(run.name)
        ctx.ops.notify("It will end at its next step; what is finished is kept.")
        self._update(ctx, read_choice(ctx))

    def resume(self, ctx: Any) -> None:
        failed = self._unfinished(ctx)
        if failed:
            ctx.prompt(f"{URI}/run_experiment", params={**failed[0].params, "resume": True}, on_success=self.refresh)

    def dismiss(self, ctx: Any) -> None:
        for run in self._unfinished(ctx):
            LiveRuns(ctx.dataset).forget(run.name)
        self._update(ctx, read_choice(ctx))

    # Inside

    def _shown(self, ctx: Any) -> Shown:
        return load(ctx.dataset, read_choice(ctx))

    def _choose(self, ctx: Any, **chosen: str | None) -> None:
        """Lists also tell when they are drawn: only what is new is worth an answer. Trials belong to an experiment."""
        before = read_choice(ctx)
        choice = replace(before, **chosen)  # type: ignore[arg-type]
        if choice == before:
            return
        if "experiment" in chosen:
            choice = replace(choice, trial=None, other_trial=None)
        if "other" in chosen:
            choice = replace(choice, other_trial=None)
        self._update(ctx, choice)

    def _update(self, ctx: Any, choice: Choice) -> None:
        """Choose, and send what the open tab shows."""
        if ctx.dataset is None or engine_state().problem is not None:
            return
        shown = load(ctx.dataset, choice)
        shown.choice.save(ctx)
        ctx.panel.set_data({**shown.data(), **panel_data(LiveRuns(ctx.dataset).all())})

    def _unfinished(self, ctx: Any) -> Sequence[Any]:
        return [run for run in LiveRuns(ctx.dataset).all() if run.status in (RunStatus.FAILED, RunStatus.CANCELLED)]

    def _has_running(self, ctx: Any) -> bool:
        if ctx.dataset is None or engine_state().problem is not None:
            return False
        return bool(under_way(LiveRuns(ctx.dataset).all()))
