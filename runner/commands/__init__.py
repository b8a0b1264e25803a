"""The commands, one module each: its flags (``add``) and the module that does its work (``run``)."""

from runner.commands import cache, demo, embed, experiment, models, report, ui

COMMANDS = (experiment, embed, models, cache, ui, report, demo)
"""In the order of ``runner --help``."""
