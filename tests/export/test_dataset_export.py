"""Experiments over a FiftyOne dataset are opened, searched and exported by their samples' files."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from runner.config.experiment import ExperimentConfig
from runner.duplicates.config import DuplicatesConfig
from runner.experiment.duplicates import find_duplicates
from runner.experiment.results import open_experiment
from runner.experiment.run import run_experiment
from runner.export.config import ExportConfig, How
from runner.export.export import export_clusters
from runner.export.undo import undo_export


@pytest.mark.check
def test_samples_are_exported_by_their_file_names(fiftyone: ModuleType, cache_dir: Path, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    paths = [tmp_path / "images" / f"{number % 2}" / f"{number // 2}.png" for number in range(12)]
    for number, path in enumerate(paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = generator.integers(0, 60, (48, 48, 3), dtype=np.uint8)
        pixels[8:40, 8:40, number % 3] += 160
        Image.fromarray(pixels).save(path)
    dataset = fiftyone.Dataset("exported samples")
    dataset.add_samples([fiftyone.Sample(filepath=str(path)) for path in [*paths, paths[0]]])
    out = tmp_path / "results"
    settings = {"models": ["efficientnet_lite0"], "mode": "debug", "cache_dir": cache_dir, "top": 0, "out": out}
    run_experiment(ExperimentConfig.model_validate({"dataset": dataset.name, **settings}))
    finished = open_experiment(out)
    assert finished.images.paths == tuple(paths) and len(finished.images.names) == 13
    exported = export_clusters(ExportConfig(results=out, to=tmp_path / "sorted", how=How.MOVE))
    assert len(exported.images) == 12
    assert "can be moved only once" in exported.skipped[0].reason
    assert {Path(image.target).suffix for image in exported.images} == {".png"}
    assert undo_export(tmp_path / "sorted").restored == 12
    found = find_duplicates(DuplicatesConfig(results=out, method="exact"), finished=finished)
    assert not found.groups  # two samples that show one file are no copies
    dataset.delete()
