"""The plugin as FiftyOne loads it, from the repository, and a dataset of a few dozen images."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from runner.images.demo_images import write_demo_images

if TYPE_CHECKING:
    from fiftyone import Dataset

ROOT = Path(__file__).resolve().parents[2]
URI = "@imagesweep/clustering"
KINDS = 6
EACH = 6

Execute = Callable[..., Any]
"""``execute(operator, dataset, params, **context)``."""


@pytest.fixture(scope="package", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home folder of the tests' own: that is where embeddings and results are kept unless the user says otherwise."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("home")
        patch.setenv("HOME", str(folder))
        yield folder


@pytest.fixture(scope="session")
def plugin(fiftyone: ModuleType) -> None:
    """Makes the plugin visible, as a link in the folder of plugins, and loads it."""
    link = Path(fiftyone.config.plugins_dir) / "imagesweep"
    if not link.exists():
        link.symlink_to(ROOT)
    import fiftyone.operators as foo

    foo.list_operators()


@pytest.fixture(scope="session")
def execute(plugin: None) -> Execute:
    """Runs an operator as the SDK does; an error is raised."""
    import fiftyone.operators as foo

    def run(operator: str, dataset: Dataset, params: dict[str, Any] | None = None, **context: Any) -> Any:
        return foo.execute_operator(f"{URI}/{operator}", dataset=dataset, params=params or {}, **context)

    return run


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """36 images of six kinds."""
    everything = tmp_path_factory.mktemp("demo") / "images"
    write_demo_images(everything)
    folder = tmp_path_factory.mktemp("photos")
    for kind in sorted({path.parent for path in everything.rglob("*") if path.is_file()})[::3][:KINDS]:
        (folder / kind.name).mkdir()
        for path in sorted(kind.iterdir())[:EACH]:
            shutil.copy(path, folder / kind.name / path.name)
    return folder


def make_dataset(name: str, folder: Path) -> Dataset:
    """A persistent dataset of the images in a folder, labelled by sub-folder in ``kind``."""
    import fiftyone as fo

    if fo.dataset_exists(name):
        fo.delete_dataset(name)
    dataset = fo.Dataset(name, persistent=True)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    dataset.add_samples(
        [fo.Sample(filepath=str(file), kind=fo.Classification(label=file.parent.name)) for file in files]
    )
    return dataset


@pytest.fixture
def dataset(fiftyone: ModuleType, photos: Path, request: pytest.FixtureRequest) -> Iterator[Dataset]:
    """The photos as a dataset that is gone afterwards."""
    import fiftyone as fo

    name = f"photos of {request.node.name[:60]}"
    yield make_dataset(name, photos)
    if fo.dataset_exists(name):
        fo.delete_dataset(name)


@pytest.fixture(scope="session")
def settings() -> dict[str, Any]:
    """Parameters of a quick experiment: the bundled model at a low resolution."""
    return {"models": ["efficientnet_lite0"], "resolutions": ["64"], "mode": "debug", "top": 1}


@pytest.fixture(scope="package")
def study(
    home: Path, execute: Execute, photos: Path, settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Dataset:
    """A dataset with a finished experiment ``study``, which no test changes."""
    dataset = make_dataset("study of photos", photos)
    out = tmp_path_factory.mktemp("study") / "results"
    execute("run_experiment", dataset, {**settings, "name": "study", "out": str(out), "top": 2})
    dataset.reload()
    return dataset


def form_of(operator: str, dataset: Dataset, params: dict[str, Any], **context: Any) -> dict[str, Any]:
    """The fields of an operator's form, as the App receives them."""
    import asyncio

    from fiftyone.operators.executor import resolve_type
    from fiftyone.operators.registry import OperatorRegistry

    request = {"dataset_name": dataset.name, "params": params, "target": "inputs", **context}
    found = asyncio.run(resolve_type(OperatorRegistry(), f"@imagesweep/clustering/{operator}", request))
    properties: dict[str, Any] = found.to_json()["type"]["properties"]
    return properties
