"""*Open MLflow*: the page of an experiment's MLflow run, with a server for it where its store is a local file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import fiftyone.operators.types as types

from ..base.background import Background
from ..base.following import follow
from ..base.operator import FormOperator
from ..mlflow.pages import linked, opened_link
from ..results.choices import choose_experiment, chosen_experiment


class OpenMlflow(FormOperator):
    slug = "open_mlflow"
    label = "Open MLflow"
    description = "The page of an experiment's MLflow run; a local store gets a server, on this machine only"
    icon = "query_stats"
    options: ClassVar[dict[str, Any]] = {"execute_as_generator": True}

    def form(self, ctx: Any, inputs: types.Object) -> None:
        choose_experiment(ctx, inputs)

    def work(self, ctx: Any) -> Iterator[Any]:
        run, panel = chosen_experiment(ctx), ctx.params.get("panel")
        if panel:
            yield ctx.ops.patch_panel_data({"mlflow": "Starting the MLflow server …"}, panel_id=panel)
        background = Background(lambda: opened_link(run))
        yield from follow(ctx, background)
        if panel:
            yield ctx.ops.patch_panel_data({"mlflow": linked(background.result)}, panel_id=panel)
        yield ctx.ops.notify(f"MLflow: {background.result}", variant="success")
