"""*Rank again*: a finished experiment in the light of the dataset's present pairs; no trial runs twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import fiftyone.operators.types as types

from ..base.background import Background
from ..base.following import follow
from ..base.operator import FormOperator
from ..results.choices import choose_experiment, chosen_experiment


class RankAgain(FormOperator):
    slug = "rank_again"
    label = "Rank again"
    description = (
        "Rank the trials of a finished experiment by the pairs that belong together or apart; no trial runs twice"
    )
    icon = "leaderboard"
    risk = types.RiskLevel.LOW
    options: ClassVar[dict[str, Any]] = {"execute_as_generator": True, "allow_delegated_execution": True}

    def form(self, ctx: Any, inputs: types.Object) -> None:
        from runner.integrations.fiftyone.pair_store import read_sample_pairs
        from runner.utils.text import count_of

        choose_experiment(ctx, inputs)
        pairs = read_sample_pairs(ctx.dataset)
        together, apart = (count_of(len(each), "pair") for each in (pairs.must_link, pairs.cannot_link))
        told = (
            f"{together} to be together, {apart} apart."
            if len(pairs)
            else "There are no pairs yet: tick samples, then Belong together or Keep apart. Ranked without them."
        )
        inputs.view("pairs", types.Notice(label=told))
        inputs.float(
            "pair_weight",
            default=0.5,
            min=0,
            label="Weight of the pairs",
            description="0: they do not count; the higher, the more they do",
        )

    def work(self, ctx: Any) -> Iterator[Any]:
        from ..running.start import finished_config, run, with_pairs

        experiment = chosen_experiment(ctx)
        weight = ctx.params.get("pair_weight", 0.5)
        config = with_pairs(ctx.dataset, finished_config(ctx.dataset, experiment.out, pair_weight=weight))
        background = Background(lambda: run(config))
        yield from follow(ctx, background)
        if not ctx.delegated:
            yield ctx.ops.reload_dataset()
            yield ctx.ops.notify(f"{experiment.key} ranked again: {background.result}", variant="success")
