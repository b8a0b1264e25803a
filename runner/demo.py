"""A tour on real images that installed packages carry; needs no network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from runner.config.experiment import ExperimentConfig, Mode
from runner.results.summary import Summary


def run_demo(out: Path, say: Callable[[str], None] = lambda line: None) -> Summary:
    """Write the demo's images to ``out/images`` and run an experiment on them into ``out/results``."""
    from runner.experiment.run import run_experiment
    from runner.images.demo_images import write_demo_images

    folder = out / "images"
    images = write_demo_images(folder)
    say(f"demo        {len(images)} images from installed packages are in {folder}")
    config = ExperimentConfig(
        images=folder,
        models=("efficientnet_lite0",),
        labels="folder",
        mode=Mode.FAST,
        out=out / "results",
        experiment_name="demo",
    )
    return run_experiment(config, say)
