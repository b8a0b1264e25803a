"""Keeps the open panel up to date while an experiment runs; the panel starts it, it is not listed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, ClassVar

from ..base.operator import EngineOperator
from ..running.live_runs import LiveRuns, panel_data

EVERY = 2.0
"""Seconds between two looks."""

LONGEST = 1800.0
"""Seconds after which it ends by itself; reopening the panel starts it again."""


class FollowExperiments(EngineOperator):
    slug = "follow_experiments"
    label = "Follow clustering experiments"
    description = "Show the progress of running experiments in the panel"
    icon = "sync"
    options: ClassVar[dict[str, Any]] = {"execute_as_generator": True, "unlisted": True}

    def work(self, ctx: Any) -> Iterator[Any]:
        panel = ctx.params["panel"]
        runs = LiveRuns(ctx.dataset)
        started = time.monotonic()
        while time.monotonic() - started < LONGEST:
            bars = panel_data(runs.all())
            if not bars:
                break
            yield ctx.ops.patch_panel_data(bars, panel_id=panel)
            time.sleep(EVERY)
        yield ctx.ops.notify("The clustering experiment has ended; Refresh shows it.")
