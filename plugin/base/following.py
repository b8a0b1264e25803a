"""Long work as the App sees it: progress while it lasts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from .background import Background

DELEGATED_EVERY = 2.0
"""Seconds between two writes of a delegated operation's progress."""

Tell = Callable[[str, float], None]


def follow(ctx: Any, background: Background[Any], tell: Tell = lambda label, share: None) -> Iterator[Any]:
    """Run the work to its end, yielding messages for the App.

    Args:
        ctx: of the operator, which must execute as a generator.
        background: the work.
        tell: told every step as well.

    Raises:
        Exception: as the work.
    """
    from pymongo import timeout

    told = -DELEGATED_EVERY
    for step in background.steps():
        tell(step.label, step.share)
        if not ctx.delegated:
            yield ctx.ops.set_progress(label=step.label, progress=step.share)
        elif time.monotonic() - told >= DELEGATED_EVERY:
            told = time.monotonic()
            with timeout(DELEGATED_EVERY):  # FiftyOne logs that this failed, and goes on
                ctx.set_progress(step.share, step.label)
