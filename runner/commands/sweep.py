"""``runner sweep``: cluster the embeddings of finished results again, with other settings."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from runner.commands.experiment import FLAGS, GROUPS, tell_failed
from runner.commands.flags import add_assignments
from runner.commands.subparsers import add_command
from runner.config.experiment import ExperimentConfig
from runner.errors import UsageError

FORGOTTEN = ("mode", "algorithms", "spaces", "sweep")
"""Settings of the finished results that another sweep is not bound to."""

FORGOTTEN_FLAGS = tuple(name for name in GROUPS["clustering"] if name in FORGOTTEN)
INHERITED = (*(name for name in GROUPS["clustering"] if name not in FORGOTTEN), "experiment_name", "top")


def add(commands: Any) -> None:
    command = add_command(
        commands,
        "sweep",
        "cluster the images and embeddings of finished results again, with other settings; only images that have come "
        "into the folder since are embedded",
        run,
    )
    command.add_argument("results", type=Path, metavar="RESULTS", help="results folder of a finished experiment")
    FLAGS.add(command, ["out"], default="RESULTS-sweep")
    FLAGS.add(command, FORGOTTEN_FLAGS)
    FLAGS.add(command, INHERITED, default="as in RESULTS")
    add_assignments(command, example="sweep.hdbscan.min_cluster_size=[5,10]")


def run(options: argparse.Namespace) -> None:
    from runner.config.file import load_config
    from runner.results.paths import CONFIG

    file = options.results / CONFIG
    if not file.is_file():
        raise UsageError(f"{options.results} holds no {CONFIG}; name the results folder of a finished experiment")
    changes = FLAGS.given(options)
    if Path(changes.setdefault("out", options.results.with_name(f"{options.results.name}-sweep"))) == options.results:
        raise UsageError(f"--out {options.results} is the finished results' own folder; choose another")
    config = load_config(changes, file=file, assignments=options.set, forget=FORGOTTEN)
    from runner.experiment.run import run_experiment

    _tell_what_changed(options.results, config)
    tell_failed(run_experiment(config, say=print))


def _tell_what_changed(results: Path, config: ExperimentConfig) -> None:
    """Images may have come and gone since; then the trials are not those of the same images."""
    from runner.experiment.open_source import open_source
    from runner.results.files import read_paths, read_summary

    clustered, present = set(read_paths(results)), set(open_source(config).images.names)
    tried = clustered | {image.path for image in read_summary(results).images.skipped}
    new, gone = len(present - tried), len(clustered - present)
    if new or gone:
        print(f"changed     since {results}, images came ({new:,}) or went ({gone:,}): scores do not compare")
