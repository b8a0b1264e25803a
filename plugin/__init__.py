"""Entry of the FiftyOne plugin: it is run again at every operator call, so that everything else is imported once."""

from __future__ import annotations

from typing import Any


def register(plugin: Any) -> None:
    """Called by FiftyOne with the context in which operators and panels are registered."""
    from .catalogue import OPERATORS, PANELS

    for kind in (*OPERATORS, *PANELS):
        plugin.register(kind)
