"""What the record of a trial says besides its scores."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from runner.cluster.algorithms import ALGORITHMS
from runner.cluster.geometry import build_geometry
from runner.cluster.spaces import Space
from runner.cluster.trial import ClusteringConfig, Trial
from runner.engine.tasks import SweepData, TrialRequest, run_trial
from tests.cluster.vectors import clustered_vectors, unit


def test_trials_that_depend_on_the_processor_say_so(tmp_path: Path) -> None:
    assert [name for name, algorithm in ALGORITHMS.items() if algorithm.depends_on_processor] == ["evoc"]
    np.save(tmp_path / "vectors.npy", unit(clustered_vectors(40, 6, seed=0)))
    folders, base = {}, None
    for name in ("none", "pca:3", "umap:2"):
        folders[name] = tmp_path / name.replace(":", "-")
        geometry = build_geometry(
            folders[name], Space.parse(name), tmp_path / "vectors.npy", base=base, min_samples=5, seed=0
        )
        base = base or geometry
    data = SweepData(folders, tmp_path / "journal", seed=0, truth=None)
    said = {}
    for space in folders:
        config = ClusteringConfig("kmeans", space, {"n_clusters": 3, "init": "k-means++"})
        said[space] = run_trial(TrialRequest(data, Trial("key", config))).details.get("depends_on_processor")
    assert said == {"none": None, "pca:3": None, "umap:2": True}
