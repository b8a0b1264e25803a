"""``runner experiment``: embed, sweep, score, rank, log and report."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.commands.flags import Flags, add_assignments
from runner.commands.subparsers import add_command
from runner.config.experiment import ExperimentConfig

if TYPE_CHECKING:
    from runner.results.summary import Summary

FLAGS = Flags(ExperimentConfig)
GROUPS = {
    "images": (
        "images",
        "images_from",
        "follow_links",
        "dataset",
        "view",
        "samples",
        "embeddings",
        "paths",
        "labels",
        "sample",
        "target",
        "pairs",
        "pair_weight",
    ),
    "embedding": (
        "models",
        "resolutions",
        "preprocess",
        "precision",
        "device",
        "batch_size",
        "force_embeddings",
        "cache_dir",
    ),
    "clustering": ("mode", "algorithms", "spaces", "max_trials", "trial_timeout", "retry_failed", "seed", "workers"),
    "results": ("out", "experiment_name", "tracking_uri", "top", "write_fields", "fresh"),
}
"""Settings that have a flag, by the section of the help text; the others are reached by ``--set``."""


def add(commands: Any) -> None:
    command = add_command(commands, "experiment", "embed, sweep, score, rank, log and report", run)
    FLAGS.add_groups(command, GROUPS)
    group = command.add_argument_group("settings")
    group.add_argument("--config", type=Path, metavar="FILE", help="YAML file of settings; flags win over it")
    add_assignments(group, example="sweep.kmeans.n_clusters=[10,20]")
    group.add_argument("--dry-run", action="store_true", help="print the resolved plan and stop")


def run(options: argparse.Namespace) -> None:
    from runner.config.file import load_config

    config = load_config(FLAGS.given(options), file=options.config, assignments=options.set)
    from runner.experiment.run import plan_experiment, run_experiment

    if options.dry_run:
        print("\n".join(plan_experiment(config).lines(details=True)))
        return
    tell_failed(run_experiment(config, say=print))


def tell_failed(summary: Summary) -> None:
    """Say last, and where errors are told, that some of the trials failed."""
    from runner.report.closing_lines import failed_sentence

    failed = failed_sentence(summary)
    if failed:
        print(f"runner: {failed}", file=sys.stderr)
