"""A whole experiment on more vectors than can be compared with each other, against their known clusters.

    python tests/benchmarks/very_many.py [n] [dimension]

Prints the wall time, the memory of the largest process, and of each trial the seconds and the adjusted Rand index.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from sklearn.metrics import adjusted_rand_score

from runner.config.experiment import ExperimentConfig, Mode
from runner.experiment.run import run_experiment
from runner.results.files import read_labels
from tests.benchmarks.synthetic import synthetic_unit_vectors


def main(n: int = 250_000, dimension: int = 128) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        vectors, known = synthetic_unit_vectors(n, dimension, max(10, n // 160), 0.5, 0)
        np.save(folder / "vectors.npy", vectors)
        del vectors
        started = time.perf_counter()
        config = ExperimentConfig(embeddings=folder / "vectors.npy", mode=Mode.FAST, top=0, out=folder / "out")
        summary = run_experiment(config)
        peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        print(f"{n:,} × {dimension}: {time.perf_counter() - started:.0f} s, largest process {peak / 1e6:.1f} GB")
        for record in summary.trials:
            outcome = str(record.error)
            if record.scores is not None:
                outcome = f"ARI {adjusted_rand_score(known, read_labels(config.out, record.id)):.3f}"
            print(f"{record.algorithm} {record.params} {record.seconds:.0f} s: {outcome} {record.details}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
