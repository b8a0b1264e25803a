"""*Delete experiment*: its fields, views and run, after showing what will go."""

from __future__ import annotations

from typing import Any

import fiftyone.operators.types as types

from ..base.forms import choose_one
from ..base.operator import FormOperator, refuse
from ..running.live_runs import LiveRuns


class DeleteExperiment(FormOperator):
    slug = "delete_experiment"
    label = "Delete experiment"
    description = (
        "Delete an experiment's label fields, saved views and run from the dataset; its results and MLflow runs stay"
    )
    icon = "delete"
    risk = types.RiskLevel.HIGH

    def form(self, ctx: Any, inputs: types.Object) -> None:
        from runner.errors import UsageError
        from runner.integrations.fiftyone.experiment_runs import deletion_plan, experiment_runs

        runs = experiment_runs(ctx.dataset)
        if not runs:
            raise UsageError(f"{ctx.dataset.name} has no experiment.")
        key = ctx.params.get("experiment") or runs[0].key
        plan = deletion_plan(ctx.dataset, key)
        choices = {run.key: f"{run.key}, {run.created:%Y-%m-%d %H:%M}" for run in runs}
        choose_one(inputs, "experiment", choices, default=runs[0].key, label="Experiment")
        lines = "\n".join(f"- {line}" for line in plan.lines())
        inputs.md(f"**What will be done**\n\n{lines}", name="plan")
        inputs.bool("confirmed", default=False, label="Delete this", view=types.CheckboxView())
        if not ctx.params.get("confirmed"):
            refuse(inputs, "Tick the box to delete it.", name="not_confirmed")

    def work(self, ctx: Any) -> dict[str, Any]:
        from runner.integrations.fiftyone.experiment_runs import delete_experiment, experiment_runs

        key = ctx.params.get("experiment") or experiment_runs(ctx.dataset)[0].key
        deleted = delete_experiment(ctx.dataset, key)
        LiveRuns(ctx.dataset).forget(key)
        ctx.ops.reload_dataset()
        ctx.ops.notify(f"{key} deleted: {len(deleted.fields)} fields, {len(deleted.views)} views", variant="success")
        return {"fields": list(deleted.fields), "views": list(deleted.views)}
