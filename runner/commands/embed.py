"""``runner embed``: fill the embedding cache."""

from __future__ import annotations

import argparse
from typing import Any

from runner.commands.experiment import FLAGS, GROUPS
from runner.commands.flags import add_assignments
from runner.commands.subparsers import add_command
from runner.errors import UsageError

SOURCES = ("images", "images_from", "follow_links", "dataset", "view", "samples")
SETTINGS = (*SOURCES, "sample", "seed", *GROUPS["embedding"], "workers")


def add(commands: Any) -> None:
    command = add_command(commands, "embed", "embed images into the cache, without clustering them", run)
    FLAGS.add(command, SETTINGS)
    add_assignments(command, example="autoencoder.loss=mse")


def run(options: argparse.Namespace) -> None:
    from runner.config.file import load_config

    if not any(hasattr(options, source) for source in ("images", "images_from", "dataset")):
        raise UsageError("embed needs --images DIR, --images-from FILE or --dataset NAME")
    config = load_config(FLAGS.given(options), assignments=options.set)
    from runner.experiment.embed_only import embed_only

    embed_only(config, say=print)
