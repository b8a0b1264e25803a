"""``runner experiment``: embed, sweep, score, rank, log and report."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from runner.commands.settings import GROUPS, add_setting, settings
from runner.commands.subparsers import add_command


def add(commands: Any) -> None:
    command = add_command(commands, "experiment", "embed, sweep, score, rank, log and report", run)
    for title, names in GROUPS.items():
        group = command.add_argument_group(title)
        for name in names:
            add_setting(group, name)
    group = command.add_argument_group("settings")
    group.add_argument("--config", type=Path, metavar="FILE", help="YAML file of settings; flags win over it")
    group.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any setting by its path, e.g. sweep.kmeans.n_clusters=[10,20]; may be repeated",
    )
    group.add_argument("--dry-run", action="store_true", help="print the resolved plan and stop")


def run(options: argparse.Namespace) -> None:
    from runner.config_file import load_config

    config = load_config(settings(options), file=options.config, assignments=options.set)
    from runner.experiment import plan_experiment, run_experiment

    if options.dry_run:
        print("\n".join(plan_experiment(config).lines(details=True)))
        return
    run_experiment(config, say=print)
