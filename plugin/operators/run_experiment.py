"""*Run clustering experiment*: the whole job on a dataset, a view or a selection."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, ClassVar

import fiftyone.operators.types as types

from ..base.background import Background
from ..base.following import follow
from ..base.operator import FormOperator, grid_button, refuse
from ..base.targets import target_view
from ..running.config import plan_lines, settings_of
from ..running.form import add_experiment_fields
from ..running.live_runs import LiveRuns, RunStatus
from ..running.workspace import free_name


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
        return f"{self.label}: {_name(ctx)}"

    def form(self, ctx: Any, inputs: types.Object) -> None:
        samples = _interrupted(ctx)
        if samples is None:
            inputs.view_target(ctx, action_description="Cluster")
        else:
            told = f"Resumes {_name(ctx)} with the {len(samples):,} samples it was started with."
            inputs.view("resumed", types.Notice(label=told))
        count = target_view(ctx).count() if samples is None else len(samples)
        self._add_plan(ctx, inputs, count)
        add_experiment_fields(ctx, inputs)

    def _add_plan(self, ctx: Any, inputs: types.Object, count: int) -> None:
        """What it will do, or why it cannot: above the fields, which are more than fit on a screen."""
        from runner.errors import RunnerError

        if not ctx.params:
            return  # the form is being opened: its defaults are on their way
        name = _name(ctx)
        try:
            require_usable_name(ctx, name)
            lines = plan_lines(settings_of(ctx.dataset, name, ctx.params), count)
        except RunnerError as error:
            refuse(inputs, str(error))
        else:
            inputs.view("plan", types.Notice(label=" ".join(lines)))

    def work(self, ctx: Any) -> Iterator[Any]:
        from ..running.start import prepare, run

        name = _name(ctx)
        config = prepare(ctx.dataset, name, ctx.params, _interrupted(ctx) or target_view(ctx).values("id"))
        background = Background(lambda: run(config))
        params = {**ctx.params, "name": name}
        with LiveRuns(ctx.dataset).alive(name, params, operation_of(ctx), background.cancel) as tell:
            yield from follow(ctx, background, tell)
        if not ctx.delegated:
            yield ctx.ops.reload_dataset()
            yield ctx.ops.notify(f"{name}: {background.result}", variant="success")
            yield ctx.ops.open_panel("clustering_experiments", is_active=True, layout="horizontal")


def _name(ctx: Any) -> str:
    return ctx.params.get("name") or free_name(ctx.dataset)


def _interrupted(ctx: Any) -> list[str] | None:
    """Ids of the samples of the run that is to be resumed; None where this is another one."""
    from ..running.start import interrupted_samples

    return interrupted_samples(ctx.dataset, _name(ctx), ctx.params) if ctx.params.get("resume") else None


def require_usable_name(ctx: Any, name: str) -> None:
    """Raise UsageError for a name that cannot be that of a run, or of one that is under way elsewhere."""
    from runner.errors import UsageError

    if not re.fullmatch(r"[A-Za-z](_?[A-Za-z0-9])*", name):
        raise UsageError(f"The name {name!r} must be letters, digits and single underscores, and begin with a letter.")
    live, own = LiveRuns(ctx.dataset).get(name), operation_of(ctx)
    if live is not None and live.status is RunStatus.RUNNING and (own is None or live.operation != own):
        raise UsageError(f"The experiment {name} is running; wait for it, cancel it, or choose another name.")


def operation_of(ctx: Any) -> str | None:
    """Id of the delegated operation that this is; None where it runs at once."""
    operation = ctx.request_params.get("run_doc")
    return str(operation) if operation else None
