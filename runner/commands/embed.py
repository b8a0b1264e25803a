"""``runner embed``: fill the embedding cache."""

from __future__ import annotations

import argparse
from typing import Any

from runner.commands.settings import GROUPS, add_setting, settings
from runner.commands.subparsers import add_command
from runner.errors import UsageError

SETTINGS = ("images", "dataset", "samples", "sample", "seed", *GROUPS["embedding"], "workers")


def add(commands: Any) -> None:
    command = add_command(commands, "embed", "embed images into the cache, without clustering them", run)
    for name in SETTINGS:
        add_setting(command, name)
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any setting by its path, e.g. autoencoder.loss=mse; may be repeated",
    )


def run(options: argparse.Namespace) -> None:
    from runner.config_file import load_config

    if not hasattr(options, "images") and not hasattr(options, "dataset"):
        raise UsageError("runner embed needs --images FOLDER or --dataset NAME")
    config = load_config(settings(options), assignments=options.set)
    from runner.embed_only import embed_only

    embed_only(config, say=print)
