"""*Write cluster labels*: trials of a finished experiment as fields, with views to look at them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import fiftyone.operators.types as types

from ..base.background import Background
from ..base.following import follow
from ..base.forms import choose_many
from ..base.operator import FormOperator
from ..results.choices import choose_experiment, chosen_experiment, trial_choices
from ..results.ranking_table import Order, ranking_table

_SHOWN = 10


class WriteLabels(FormOperator):
    slug = "write_labels"
    label = "Write cluster labels"
    description = "Write trials of a finished experiment as label fields, with saved views of their clusters"
    icon = "label"
    risk = types.RiskLevel.MEDIUM
    options: ClassVar[dict[str, Any]] = {"execute_as_generator": True, "allow_delegated_execution": True}

    def form(self, ctx: Any, inputs: types.Object) -> None:
        from runner.results.files import read_summary

        run = choose_experiment(ctx, inputs)
        summary = read_summary(run.out)
        table = ranking_table(summary, Order())
        view = types.TableView()
        for key, title in table.titles(Order()).items():
            view.add_column(key, label=title)
        inputs.obj("ranking", default=table.rows[:_SHOWN], view=view, label="Ranking", required=False)
        choose_many(
            inputs,
            "trials",
            trial_choices(summary),
            default=summary.ranking[:1],
            label="Trials to write",
        )
        inputs.str("prefix", default="clusters", required=False, label="Begin the names of the fields with")
        if len(ctx.params.get("trials") or []) > 1:
            inputs.bool("disagreements", default=True, label="Save views of the samples that the trials disagree about")
        inputs.bool(
            "rewrite",
            default=False,
            label="Write fields anew that are there already",
            description="Labels that were edited by hand are lost",
        )

    def work(self, ctx: Any) -> Iterator[Any]:
        from runner.errors import UsageError
        from runner.integrations.fiftyone.cluster_fields import WrittenField, write_cluster_fields
        from runner.integrations.fiftyone.experiment_runs import register_experiment
        from runner.results.files import read_summary
        from runner.utils.progress import progress_bar

        dataset, run, params = ctx.dataset, chosen_experiment(ctx), ctx.params
        summary = read_summary(run.out)
        trials = params.get("trials") or []
        if not trials:
            raise UsageError("Choose at least one trial to write.")

        def write() -> list[WrittenField]:
            with progress_bar(1, "cluster labels", "share") as bar:
                written = write_cluster_fields(
                    dataset,
                    run.out,
                    trials,
                    prefix=params.get("prefix") or "clusters",
                    rewrite=bool(params.get("rewrite")),
                    progress=lambda done, total: _advance(bar, done / total),
                )
            register_experiment(dataset, run.out, summary, written)
            if params.get("disagreements", True):
                _save_disagreements(dataset, [one.field for one in written])
            return written

        background = Background(write)
        yield from follow(ctx, background)
        if not ctx.delegated:
            yield ctx.ops.reload_dataset()
            yield ctx.ops.notify(_told(background.result), variant="success")


def _save_disagreements(dataset: Any, fields: list[str]) -> None:
    """A view for each field after the first: the samples that it puts elsewhere; the field's record owns the view."""
    from runner.integrations.fiftyone.cluster_views import disagreement_view, save_new_view
    from runner.integrations.fiftyone.field_record import cluster_fields, save_record

    for field in fields[1:]:
        view = disagreement_view(dataset, fields[0], field)
        name = save_new_view(dataset, f"disagreement · {field}", view, f"disagreement of {fields[0]} and {field}")
        record = cluster_fields(dataset)[field]
        views = tuple(dict.fromkeys([*(record.views or ()), name]))
        save_record(dataset, field, record.model_copy(update={"views": views}))


def _advance(bar: Any, share: float) -> None:
    bar.update(share - bar.n)


def _told(written: list[Any]) -> str:
    fields = ", ".join(one.field + (" (was there)" if one.kept else "") for one in written)
    notes = "; ".join(one.note for one in written if one.note)
    return f"Written: {fields}" + (f"; {notes}" if notes else "")
