"""``runner demo``: everything, on real images that installed packages carry; needs no network."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from runner.commands.experiment import tell_failed
from runner.commands.subparsers import add_command


def add(commands: Any) -> None:
    command = add_command(
        commands, "demo", "run everything on real images that come with installed packages; no network", run
    )
    command.add_argument(
        "--out", type=Path, default=Path("demo-results"), help="results folder (default: demo-results)"
    )


def run(options: argparse.Namespace) -> None:
    """Write the images to ``OUT/images`` and run an experiment on them into ``OUT/results``."""
    from runner.config.experiment import ExperimentConfig, Mode
    from runner.experiment.run import run_experiment
    from runner.images.demo_images import write_demo_images

    folder = options.out / "images"
    images = write_demo_images(folder)
    print(f"demo        {len(images)} images from installed packages are in {folder}")
    config = ExperimentConfig(
        images=folder,
        models=("efficientnet_lite0",),
        labels="folder",
        mode=Mode.FAST,
        out=options.out / "results",
        experiment_name="demo",
    )
    tell_failed(run_experiment(config, say=print))
