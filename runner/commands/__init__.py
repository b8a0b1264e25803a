"""The commands, one module each: its flags (``add``) and the module that does its work (``run``)."""

from runner.commands import cache, demo, duplicates, embed, experiment, export, models, names, report, similar, ui, undo

COMMANDS = (experiment, embed, duplicates, similar, names, export, undo, models, cache, ui, report, demo)
"""In the order of ``runner --help``."""
