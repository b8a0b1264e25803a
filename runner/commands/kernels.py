"""Compile every numerical kernel once, by using it: numba keeps what it compiled beside the source."""

from __future__ import annotations

import numpy as np

from runner.config.experiment import ExperimentConfig, Mode
from runner.utils.scratch import scratch_folder

ROWS, DIMENSION = 400, 80
"""Enough for every algorithm and space of the presets."""


def compile_kernels() -> None:
    """Run a small experiment with every algorithm on random vectors; its results are thrown away."""
    from runner.experiment.run import run_experiment

    random = np.random.default_rng(0)
    vectors = random.normal(size=(ROWS, DIMENSION)).astype(np.float32)
    vectors[:60] = vectors[0] + 1e-5 * random.normal(size=(60, DIMENSION))  # too close for products to tell apart
    vectors[60:80] = vectors[80:100]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    with scratch_folder() as folder:
        np.save(folder / "vectors.npy", vectors)
        run_experiment(
            ExperimentConfig(
                embeddings=folder / "vectors.npy",
                mode=Mode.COMPREHENSIVE,
                max_trials=40,
                top=1,
                out=folder / "out",
                cache_dir=folder / "cache",
            )
        )
