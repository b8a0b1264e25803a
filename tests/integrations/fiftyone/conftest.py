"""Datasets of small images in a database of our own, and an experiment over one of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

import runner

if TYPE_CHECKING:
    from fiftyone import Dataset

KINDS = ("red", "green", "blue")
EACH = 8


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 images of three colours in a folder for each."""
    folder = tmp_path_factory.mktemp("shapes")
    random = np.random.default_rng(0)
    for channel, kind in enumerate(KINDS):
        (folder / kind).mkdir()
        for number in range(EACH):
            pixels = random.integers(0, 60, (48, 48, 3), dtype=np.uint8)
            pixels[8:40, 8:40, channel] += 160
            Image.fromarray(pixels).save(folder / kind / f"{number}.png")
    return folder


def make_dataset(folder: Path, name: str) -> Dataset:
    """A persistent dataset of the images in a folder, labelled by sub-folder in ``kind``."""
    import fiftyone as fo

    dataset = fo.Dataset(name, persistent=True)
    files = sorted(folder.rglob("*.png"))
    dataset.add_samples(
        [fo.Sample(filepath=str(file), kind=fo.Classification(label=file.parent.name)) for file in files]
    )
    return dataset


@pytest.fixture
def dataset(fiftyone: object, shapes: Path, request: pytest.FixtureRequest) -> Iterator[Dataset]:
    """The shapes as a dataset that is gone afterwards."""
    import fiftyone as fo

    name = f"shapes of {request.node.name}"
    made = make_dataset(shapes, name)
    yield made
    if fo.dataset_exists(name):
        fo.delete_dataset(name)


@pytest.fixture(scope="session")
def study(fiftyone: object, shapes: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Dataset, Path]:
    """A dataset that stays, and the results of an experiment over it: 3 k-means and 2 HDBSCAN trials."""
    dataset = make_dataset(shapes, "study")
    out = tmp_path_factory.mktemp("study") / "results"
    runner.run_experiment(
        runner.ExperimentConfig(
            dataset="study",
            labels="kind",
            models=("efficientnet_lite0",),
            resolutions=(64,),
            algorithms=("kmeans", "hdbscan"),
            sweep={"kmeans": [{"n_clusters": [2, 3, 5]}], "hdbscan": [{"min_cluster_size": [3, 5], "min_samples": 2}]},
            out=out,
            cache_dir=tmp_path_factory.mktemp("cache"),
            top=2,
        )
    )
    return dataset, out
