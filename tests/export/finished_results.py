"""Results folders in milliseconds: real result files about real image files, without running an experiment."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from runner.results.files import write_results
from tests.report.experiments import make_results

Snapshot = dict[str, tuple[str, int, int]]


def write_finished(folder: Path, names: Sequence[str], clusters: int = 4) -> Path:
    """``folder/images`` with a picture per name, and ``folder/results`` about them.

    The best trial has so many clusters, and every seventh image is noise.

    Returns:
        the results folder.
    """
    images, out = folder / "images", folder / "results"
    results = make_results(images, names, clusters=(clusters,), failed=0)
    config = f"images: {images}\nmodels: [efficientnet_lite0]\n"
    write_results(out, results.summary, results.images, results.labels, config)
    (out / ".work").mkdir()
    for record in results.summary.embeddings:
        np.save(out / ".work" / f"{record.key}-{0:016x}.npy", results.vectors(record.key))
    return out


def snapshot(folder: Path) -> Snapshot:
    """Content, time and permissions of every file below ``folder``, by relative path."""
    return {
        path.relative_to(folder).as_posix(): (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            path.stat().st_mtime_ns,
            path.stat().st_mode,
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
