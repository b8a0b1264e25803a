"""*Name clusters*: by what the model knows of words, or by hand; what a person typed is never overwritten."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import fiftyone.operators.types as types

from ..base.background import Background
from ..base.following import follow
from ..base.forms import HALF, choose_one
from ..base.operator import FormOperator
from ..results.choices import choose_field
from ..results.opened import open_finished

if TYPE_CHECKING:
    from runner.integrations.fiftyone.field_record import FieldRecord

_SOURCES = {
    "model": "The model: ImageNet's classes (efficientnet_lite0), or a list of common words (CLIP models)",
    "words": "Words of my own (CLIP models)",
    "hand": "I name one by hand",
}


class NameClusters(FormOperator):
    slug = "name_clusters"
    label = "Name clusters"
    description = "Name clusters by what they show, or by hand; names that a person typed are never overwritten"
    icon = "drive_file_rename_outline"
    risk = types.RiskLevel.MEDIUM
    options: ClassVar[dict[str, Any]] = {"execute_as_generator": True, "allow_delegated_execution": True}

    def form(self, ctx: Any, inputs: types.Object) -> None:
        field = choose_field(ctx, inputs)
        record = _record(ctx, field)
        choose_one(inputs, "source", _SOURCES, default="model", label="Names from")
        source = ctx.params.get("source") or "model"
        if source == "words":
            inputs.str(
                "words",
                required=True,
                label="Words",
                description="One a line, two or more",
                view=types.TextFieldView(multiline=True, rows=6),
            )
        elif source == "hand":
            names = _labels(record)
            clusters = {str(cluster): name for cluster, name in names.items()}
            choose_one(inputs, "cluster", clusters, required=True, label="Cluster", space=HALF)
            inputs.str("name", required=True, label="Name", view=types.View(space=HALF))
        named = sum(name.by_person for name in record.names.values())
        told = f"{len(record.names)} of {record.n_clusters} clusters have a name, {named} of them given by a person."
        inputs.view("present", types.Notice(label=told))

    def work(self, ctx: Any) -> Iterator[Any]:
        from runner.integrations.fiftyone.cluster_names import name_field_clusters

        dataset, params = ctx.dataset, ctx.params
        field = params.get("field") or choose_field(ctx, types.Object())
        record = _record(ctx, field)
        source = params.get("source") or "model"

        def name() -> dict[int, str]:
            if source == "hand":
                chosen = {int(params["cluster"]): params["name"]}
                return name_field_clusters(dataset, field, chosen, by_person=True)
            return name_field_clusters(dataset, field, _machine_names(dataset, record, params.get("words")))

        background = Background(name)
        yield from follow(ctx, background)
        if not ctx.delegated:
            yield ctx.ops.reload_dataset()
            told = ", ".join(list(background.result.values())[:8]) or "none fits"
            yield ctx.ops.notify(f"{len(background.result)} clusters named: {told}", variant="success")


def _machine_names(dataset: Any, record: FieldRecord, words: str | None) -> dict[int, str]:
    """What the model calls the clusters, without the names that a person has given to others."""
    from runner.experiment.cluster_names import name_clusters

    with _vocabulary(words) as vocabulary:
        names = name_clusters(open_finished(dataset, Path(record.out)), record.trial, vocabulary=vocabulary)
    taken = {name.name for name in record.names.values() if name.by_person}
    return {cluster: name for cluster, name in names.items() if name not in taken}


@contextmanager
def _vocabulary(words: str | None) -> Iterator[Path | None]:
    """The user's words as a file, if there are any."""
    if not words:
        yield None
        return
    from runner.utils.scratch import scratch_folder

    with scratch_folder() as folder:
        path = folder / "words.txt"
        path.write_text(words, encoding="utf-8")
        yield path


def _record(ctx: Any, field: str) -> FieldRecord:
    from runner.errors import UsageError
    from runner.integrations.fiftyone.field_record import cluster_fields

    record = cluster_fields(ctx.dataset).get(field)
    if record is None:
        raise UsageError(f"{field} is no cluster field of {ctx.dataset.name}.")
    return record


def _labels(record: FieldRecord) -> dict[int, str]:
    """The present label of each cluster."""
    from runner.integrations.fiftyone.cluster_values import default_label

    given = {int(cluster): name.name for cluster, name in record.names.items()}
    return {cluster: given.get(cluster, default_label(cluster)) for cluster in range(record.n_clusters)}
