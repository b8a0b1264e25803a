"""``runner embed``: fill the embedding cache."""

from __future__ import annotations

import argparse
from typing import Any

from runner.commands.experiment import FLAGS, GROUPS
from runner.commands.flags import add_assignments
from runner.commands.subparsers import add_command
from runner.errors import UsageError

SETTINGS = ("images", "follow_links", "dataset", "samples", "sample", "seed", *GROUPS["embedding"], "workers")


def add(commands: Any) -> None:
    command = add_command(commands, "embed", "embed images into the cache, without clustering them", run)
    FLAGS.add(command, SETTINGS)
    add_assignments(command, example="autoencoder.loss=mse")


def run(options: argparse.Namespace) -> None:
    from runner.config_file import load_config

    if not hasattr(options, "images") and not hasattr(options, "dataset"):
        raise UsageError("embed needs --images DIR or --dataset NAME")
    config = load_config(FLAGS.given(options), assignments=options.set)
    from runner.embed_only import embed_only

    embed_only(config, say=print)
