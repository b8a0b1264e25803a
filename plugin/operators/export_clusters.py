"""*Export clusters*: as folders, or as files for other tools; can be undone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import fiftyone.operators.types as types

from ..base.background import Background
from ..base.following import follow
from ..base.forms import HALF, choose_one
from ..base.operator import FormOperator
from ..results.choices import choose_experiment, chosen_experiment, trial_choices
from ..results.opened import open_finished

if TYPE_CHECKING:
    from runner.export.config import ExportConfig

_FORMATS = {
    "folders": "A folder for each cluster",
    "csv": "CSV list",
    "json": "JSON list",
    "coco": "COCO",
    "fiftyone": "FiftyOne classification dataset",
    "huggingface": "Hugging Face image folder",
    "npy": "Embeddings as .npy",
    "parquet": "Embeddings as Parquet",
}
_HOWS = {"copy": "Copy the files", "hardlink": "Hard links", "symlink": "Symbolic links"}
"""Moving is for the command line: it would take the files from under the samples."""

_CHOICES = {"medoids": "The most typical", "borders": "The least typical", "random": "At random"}


class ExportClusters(FormOperator):
    slug = "export_clusters"
    label = "Export clusters"
    description = (
        "Bring the clusters of a trial into folders, or into the files of other tools; `runner undo` takes it back"
    )
    icon = "drive_file_move"
    risk = types.RiskLevel.MEDIUM
    options: ClassVar[dict[str, Any]] = {"execute_as_generator": True, "allow_delegated_execution": True}

    def form(self, ctx: Any, inputs: types.Object) -> None:
        from runner.commands.export_lines import export_lines
        from runner.export.config import WITHOUT_IMAGES
        from runner.export.export import export_clusters
        from runner.results.files import read_summary

        run = choose_experiment(ctx, inputs)
        summary = read_summary(run.out)
        choose_one(inputs, "trial", trial_choices(summary), default=summary.ranking[0], label="Trial")
        inputs.str("to", required=True, label="New folder", description="On the machine that runs FiftyOne")
        choose_one(inputs, "format", _FORMATS, default="folders", label="Format", space=HALF)
        if ctx.params.get("format") not in WITHOUT_IMAGES:
            choose_one(inputs, "how", _HOWS, default="copy", label="Images", space=HALF)
        inputs.int("min_size", default=1, min=1, label="Only clusters of at least", view=types.View(space=HALF))
        inputs.int("per_cluster", min=1, label="At most of each cluster", view=types.View(space=HALF))
        if ctx.params.get("per_cluster"):
            choose_one(inputs, "choose", _CHOICES, default="medoids", label="Which ones")
        if ctx.params.get("to"):
            config = _config(ctx, dry_run=True)
            planned = export_clusters(config, names=_names(ctx), finished=open_finished(ctx.dataset, run.out))
            inputs.view("plan", types.Notice(label=" ".join(" ".join(export_lines(planned)[1:3]).split())))

    def work(self, ctx: Any) -> Iterator[Any]:
        from runner.commands.export_lines import export_lines
        from runner.export.export import export_clusters

        config, names = _config(ctx, dry_run=False), _names(ctx)
        finished = open_finished(ctx.dataset, config.results)
        background = Background(lambda: export_clusters(config, names=names, finished=finished))
        yield from follow(ctx, background)
        if not ctx.delegated:
            lines = [" ".join(line.split()) for line in export_lines(background.result)[2:]]
            yield ctx.ops.notify("; ".join(lines), variant="success")


def _config(ctx: Any, *, dry_run: bool) -> ExportConfig:
    from pydantic import ValidationError

    from runner.errors import UsageError
    from runner.export.config import WITHOUT_IMAGES, ExportConfig

    params = ctx.params
    wanted = {name: params.get(name) for name in ("format", "how", "min_size", "per_cluster", "choose")}
    if wanted["format"] in WITHOUT_IMAGES:
        wanted["how"] = None
    given = {name: value for name, value in wanted.items() if value is not None}
    to = params.get("to")
    if not to:
        raise UsageError("Name a new folder to export to.")
    try:
        return ExportConfig(
            results=chosen_experiment(ctx).out, to=Path(to).expanduser(), rank=_rank(ctx), dry_run=dry_run, **given
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise UsageError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def _rank(ctx: Any) -> int:
    from runner.errors import UsageError
    from runner.results.files import read_summary

    ranking = read_summary(chosen_experiment(ctx).out).ranking
    trial = ctx.params.get("trial") or ranking[0]
    if trial not in ranking:
        raise UsageError(f"There is no ranked trial {trial}; choose one of the list.")
    return ranking.index(trial) + 1


def _names(ctx: Any) -> dict[int, str]:
    """Names that the clusters of the trial have in its field, if it has one."""
    from runner.integrations.fiftyone.field_record import cluster_fields
    from runner.results.files import read_summary

    trial = read_summary(chosen_experiment(ctx).out).ranking[_rank(ctx) - 1]
    for record in cluster_fields(ctx.dataset).values():
        if record.trial == trial and record.names:
            return {int(cluster): name.name for cluster, name in record.names.items()}
    return {}
