"""Showing samples in the grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..results.labels import Results


def show_cluster(ctx: Any, results: Results, trial: str, cluster: int) -> None:
    """A cluster in the grid: by its field, best fitting first, where the trial has one; else by its samples."""
    from fiftyone import ViewField as F

    from runner.integrations.fiftyone.field_record import cluster_fields

    for field, record in cluster_fields(ctx.dataset).items():
        if record.complete and record.trial == trial and record.out == str(results.out):
            view = ctx.dataset.match(F(f"{field}.cluster_id") == cluster).sort_by(f"{field}.confidence", reverse=True)
            ctx.ops.set_view(view)
            return
    show_samples(ctx, results.members(trial, cluster))


def show_samples(ctx: Any, ids: Sequence[str]) -> None:
    """These samples in the grid."""
    ctx.ops.set_view(ctx.dataset.select(list(ids)))
