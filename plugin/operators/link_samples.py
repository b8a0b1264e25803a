"""*Belong together*, *Keep apart* and *Forget pairs*: what a person says about a selection, kept with the dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import fiftyone.operators.types as types

from ..base.operator import FormOperator, grid_button
from ..base.targets import selected_ids

if TYPE_CHECKING:
    from runner.images.constraints import PairKind


class _LinkSamples(FormOperator):
    kind: PairKind
    purpose: str
    meaning: str
    risk = types.RiskLevel.LOW

    def resolve_placement(self, ctx: Any) -> types.Placement | None:
        return grid_button(self.label, self.icon) if len(ctx.selected) > 1 else None

    def form(self, ctx: Any, inputs: types.Object) -> None:
        ids = selected_ids(ctx, 2, self.purpose)
        pairs = len(ids) * (len(ids) - 1) // 2
        counted = "one pair" if pairs == 1 else f"{pairs:,} pairs"
        inputs.view("summary", types.Notice(label=f"{len(ids)} samples, {counted}: {self.meaning}"))

    def work(self, ctx: Any) -> dict[str, int]:
        from runner.integrations.fiftyone.pair_store import add_pairs, read_sample_pairs
        from runner.utils.text import count_of

        added = add_pairs(ctx.dataset, self.kind, selected_ids(ctx, 2, self.purpose))
        kept = read_sample_pairs(ctx.dataset)
        counts = f"{added.added} new, {added.moved} changed, {added.known} known before"
        told = f"{counts}; {count_of(len(kept), 'pair')} in all"
        ctx.ops.notify(
            f"{self.label}: {told}. Rank again makes them count in a finished experiment.", variant="success"
        )
        ctx.ops.clear_selected_samples()
        return {"added": added.added, "moved": added.moved, "known": added.known, "pairs": len(kept)}


class BelongTogether(_LinkSamples):
    slug = "belong_together"
    label = "Belong together"
    description = "The selected samples belong into one cluster; trials that put them there rank higher"
    icon = "link"
    kind = "must_link"
    purpose = "that belong together"
    meaning = "trials that put them into one cluster will rank higher."


class KeepApart(_LinkSamples):
    slug = "keep_apart"
    label = "Keep apart"
    description = "The selected samples belong into different clusters; trials that part them rank higher"
    icon = "link_off"
    kind = "cannot_link"
    purpose = "that are to be kept apart"
    meaning = "trials that put them into different clusters will rank higher."


class ForgetPairs(FormOperator):
    slug = "forget_pairs"
    label = "Forget pairs"
    description = (
        "Take back what was said to belong together or to be kept apart: of the selected samples, or all of it"
    )
    icon = "undo"
    risk = types.RiskLevel.MEDIUM

    def form(self, ctx: Any, inputs: types.Object) -> None:
        from runner.errors import UsageError
        from runner.integrations.fiftyone.pair_store import read_sample_pairs

        kept = read_sample_pairs(ctx.dataset)
        if not kept:
            raise UsageError("There are no pairs to forget.")
        whose = {0: "all of them", 1: "those of the ticked sample"}.get(
            len(ctx.selected), "those between ticked samples"
        )
        inputs.view(
            "summary",
            types.Notice(
                label=f"{len(kept.must_link)} pairs belong together, {len(kept.cannot_link)} are kept apart: "
                f"{whose} will be forgotten. Tick samples to choose."
            ),
        )

    def work(self, ctx: Any) -> dict[str, int]:
        from runner.integrations.fiftyone.pair_store import read_sample_pairs, remove_pairs
        from runner.utils.text import count_of

        forgotten = remove_pairs(ctx.dataset, ctx.selected or None)
        left = len(read_sample_pairs(ctx.dataset))
        ctx.ops.notify(f"{self.label}: {count_of(forgotten, 'pair')} forgotten, {left:,} left.", variant="success")
        return {"forgotten": forgotten, "pairs": left}
