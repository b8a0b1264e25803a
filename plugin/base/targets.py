"""Which samples an operator is about."""

from __future__ import annotations

from typing import Any


def target_view(ctx: Any) -> Any:
    """The samples of the dataset, view or selection that the user chose.

    Raises:
        RunnerError: they are no images, or fewer than two.
    """
    from runner.errors import RunnerError
    from runner.integrations.fiftyone.dataset_source import require_plain_images

    require_plain_images(ctx.dataset)
    view = ctx.target_view()
    require_plain_images(view)
    count = view.count()
    if count < 2:
        found = "one sample" if count else "no sample"
        raise RunnerError(f"There is {found} to cluster, and clustering needs at least two; choose a larger view.")
    return view


def selected_ids(ctx: Any, at_least: int, purpose: str) -> list[str]:
    """Ids of the samples that are ticked in the grid, or of the one that is open.

    Raises:
        UsageError: they are fewer than ``at_least`` (1 or 2); ``purpose`` ends the sentence.
    """
    from runner.errors import UsageError

    ids = list(ctx.selected) or ([ctx.current_sample] if ctx.current_sample else [])
    if len(ids) < at_least:
        count = {1: "a sample", 2: "two samples or more"}[at_least]
        raise UsageError(f"Tick {count} in the grid {purpose}.")
    return ids
