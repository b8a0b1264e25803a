"""The commands, one module each: its flags (``add``) and the module that does its work (``run``)."""

from runner.commands import (
    cache,
    clean,
    demo,
    doctor,
    duplicates,
    embed,
    experiment,
    export,
    models,
    names,
    report,
    similar,
    sweep,
    ui,
    undo,
)

COMMANDS = (
    experiment,
    sweep,
    embed,
    duplicates,
    similar,
    names,
    export,
    undo,
    models,
    cache,
    clean,
    ui,
    report,
    doctor,
    demo,
)
"""In the order of ``runner --help``."""
