"""*Run clustering experiment*: the whole job on a dataset, a view or a selection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import fiftyone.operators.types as types

from ..background import Background
from ..experiment_form import add_experiment_fields
from ..experiment_settings import plan_lines, settings_of
from ..following import follow
from ..live_runs import LiveRuns, RunStatus
from ..operator import FormOperator, grid_button, refuse
from ..targets import target_ids


class RunExperiment(FormOperator):
    slug = "run_experiment"
    label = "Run clustering experiment"
    description = (
        "Embed the images under one or more models, sweep clusterings over them, rank these, and write the best"
    )
    icon = "bubble_chart"
    risk = types.RiskLevel.MEDIUM
    options: ClassVar[dict[str, Any]] = {
        "execute_as_generator": True,
        "allow_immediate_execution": True,
        "allow_delegated_execution": True,
        "default_choice_to_delegated": True,
    }

    def resolve_placement(self, ctx: Any) -> types.Placement:
        return grid_button("Cluster images", self.icon)

    def resolve_run_name(self, ctx: Any) -> str:
        return f"{self.label}: {ctx.params.get('name')}"

    def form(self, ctx: Any, inputs: types.Object) -> None:
        inputs.view_target(ctx, action_description="Cluster", require_flat=True)
        ids = target_ids(ctx)
        add_experiment_fields(ctx, inputs)
        name = ctx.params.get("name")
        if not name:
            return
        problem = _problem_of_name(ctx, name)
        if problem is not None:
            refuse(inputs, problem)
            return
        lines = plan_lines(settings_of(ctx.dataset, name, ctx.params), len(ids))
        inputs.view("plan", types.Notice(label=" ".join(lines)))

    def work(self, ctx: Any) -> Iterator[Any]:
        from ..experiment_run import prepare, run

        name = ctx.params["name"]
        config = prepare(ctx.dataset, name, ctx.params, target_ids(ctx))
        background = Background(lambda: run(config))
        operation = ctx.request_params.get("run_doc")
        runs = LiveRuns(ctx.dataset)
        params = {**ctx.params}
        with runs.alive(name, params, str(operation) if operation else None, background.cancel) as tell:
            yield from follow(ctx, background, tell)
        if not ctx.delegated:
            yield ctx.ops.reload_dataset()
            yield ctx.ops.notify(f"{name}: {background.result}", variant="success")
            yield ctx.ops.open_panel("clustering_experiments", is_active=True, layout="horizontal")


def _problem_of_name(ctx: Any, name: str) -> str | None:
    if not name.isidentifier() or name.startswith("_") or "__" in name:
        return f"The name {name!r} must be letters, digits and single underscores, and begin with a letter."
    live = LiveRuns(ctx.dataset).get(name)
    running_elsewhere = live is not None and live.status is RunStatus.RUNNING and live.operation != _own(ctx)
    if running_elsewhere:
        return f"The experiment {name} is running; wait for it, cancel it, or choose another name."
    return None


def _own(ctx: Any) -> str | None:
    operation = ctx.request_params.get("run_doc")
    return str(operation) if operation else ""
