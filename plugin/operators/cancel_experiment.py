"""*Cancel experiment*: ends a run at its next step; what is finished is kept."""

from __future__ import annotations

from typing import Any

import fiftyone.operators.types as types

from ..base.forms import choose_one
from ..base.operator import FormOperator
from ..running.live_runs import LiveRuns, under_way


class CancelExperiment(FormOperator):
    slug = "cancel_experiment"
    label = "Cancel clustering experiment"
    description = "End an experiment that is running; what is finished is kept, and running it again resumes"
    icon = "cancel"
    risk = types.RiskLevel.LOW

    def form(self, ctx: Any, inputs: types.Object) -> None:
        from runner.errors import UsageError

        running = under_way(LiveRuns(ctx.dataset).all())
        if not running:
            raise UsageError(f"No experiment of {ctx.dataset.name} is running.")
        choices = {run.name: f"{run.name}: {run.label}" for run in running}
        choose_one(inputs, "name", choices, default=running[0].name, label="Experiment")

    def work(self, ctx: Any) -> dict[str, str]:
        LiveRuns(ctx.dataset).cancel(ctx.params["name"])
        ctx.ops.notify(f"{ctx.params['name']} will end at its next step", variant="info")
        return {"cancelled": ctx.params["name"]}
