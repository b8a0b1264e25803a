"""The comprehensive sweep of many vectors: wall time in all and by stage, peak memory, and one n²d product beside it.

    python tests/benchmarks/comprehensive_sweep.py [n] [dimension] [mode]

Runs the command itself, as a user does, on synthetic unit vectors (mean cosine about 0.5, 300 uneven clusters).
The product is timed before and after, as machines drift; stages are given in its units.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import psutil
import pyarrow.parquet as parquet
import torch
from sklearn.metrics import adjusted_mutual_info_score

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks.synthetic import synthetic_unit_vectors


def product_seconds(vectors: np.ndarray) -> float:
    """All inner products, in blocks, with all cores."""
    matrix = torch.from_numpy(vectors)
    started = time.perf_counter()
    for start in range(0, len(matrix), 2048):
        matrix[start : start + 2048] @ matrix.T
    return time.perf_counter() - started


class PeakMemory(threading.Thread):
    """Largest sum of the proportional set sizes of a process and its children, in GiB, sampled twice a second."""

    def __init__(self, process: psutil.Process) -> None:
        super().__init__(daemon=True)
        self.process, self.peak = process, 0.0
        self.start()

    def run(self) -> None:
        while self.process.is_running() and self.process.status() != psutil.STATUS_ZOMBIE:
            total = 0
            for each in [self.process, *self.process.children(recursive=True)]:
                try:
                    total += each.memory_full_info().pss
                except (psutil.NoSuchProcess, psutil.AccessDenied):
                    continue
            self.peak = max(self.peak, total / 2**30)
            time.sleep(0.5)


def main(n: int = 48_642, dimension: int = 512, mode: str = "comprehensive") -> None:
    vectors, labels = synthetic_unit_vectors(n, dimension, 300, 0.5, 0)
    sample = vectors[np.random.default_rng(0).choice(n, min(n, 2000), replace=False)]
    print(f"n={n} d={dimension}, mean cosine {float((sample @ sample.T).mean()):.2f}, mode {mode}", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        np.save(folder / "vectors.npy", vectors)
        before = product_seconds(vectors)
        command = [sys.executable, "-m", "runner", "experiment", "--embeddings", str(folder / "vectors.npy")]
        command += ["--mode", mode, "--out", str(folder / "out"), "--top", "1"]
        started = time.perf_counter()
        process = subprocess.Popen(command)
        memory = PeakMemory(psutil.Process(process.pid))
        status = process.wait()
        seconds = time.perf_counter() - started
        after = product_seconds(vectors)
        product = (before + after) / 2
        summary = json.loads((folder / "out" / "summary.json").read_text())
        picked = parquet.read_table(folder / "out" / "labels.parquet", columns=summary["ranking"][:1])[0].to_numpy()
    statuses = dict(Counter(trial["status"] for trial in summary["trials"]))
    print(f"exit status {status}, {len(summary['trials'])} trials, {statuses}")
    print(f"one product: {before:.1f} s before, {after:.1f} s after")
    print(f"wall time {seconds:.0f} s = {seconds / product:.1f} products, peak memory {memory.peak:.2f} GiB")
    for stage, spent in summary["seconds"].items():
        print(f"  {stage:24} {spent:8.1f} s = {spent / product:5.2f} products")
    by_algorithm: Counter[str] = Counter()
    for trial in summary["trials"]:
        by_algorithm[f"{trial['algorithm']} in {trial['space']}"] += trial["seconds"]
    for algorithm, spent in by_algorithm.most_common():
        print(f"  trials of {algorithm:24} {spent:8.1f} process seconds")
    print(f"AMI of the trial ranked first: {adjusted_mutual_info_score(labels, picked):.3f}")


if __name__ == "__main__":
    main(*(int(word) if word.isdecimal() else word for word in sys.argv[1:]))  # type: ignore[arg-type]
