"""Long work as the App sees it: progress while it lasts, and a word at its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from .background import Background, CancelledError

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
        Exception: as the work; the user is told before, since the App shows nothing of a stream that breaks.
    """
    told = -DELEGATED_EVERY
    try:
        for step in background.steps():
            tell(step.label, step.share)
            if not ctx.delegated:
                yield ctx.ops.set_progress(label=step.label, progress=step.share)
            elif time.monotonic() - told >= DELEGATED_EVERY:
                told = time.monotonic()
                ctx.set_progress(step.share, step.label)
    except Exception as error:
        if not ctx.delegated:
            variant = "warning" if isinstance(error, CancelledError) else "error"
            yield ctx.ops.notify(str(error) or type(error).__name__, variant=variant)
        raise
