"""What an export promises, by the tools that it is made for, with names that lead them astray. Costs about 20 s."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from runner.config.experiment import ExperimentConfig
from runner.experiment.run import plan_experiment
from runner.export.config import ExportConfig, Format, How
from runner.export.export import Exported, export_clusters
from tests.export.finished_results import write_finished

NAMES = [
    *(
        f"{word}.png"
        for word in ("train", "test", "val", "validation", "dev", "eval", "my_test-1", "data-00001-of-00002")
    ),
    *("train/test.png", "test/train.png", "test/1.png", "val/1.png", "a.b/1.png", "a/b.1.png"),
    *("ä/ö.png", "日本/写真.png", "a b/ c.png", "q'\"$%#&;.png", "new\nline.png", "tab\t.png", "{x}[y].png"),
    *(".hidden.png", ".h/x.png", "-rf.png", "=1+1.png", "+x.png", "@x.png", "__init__.png", "__pycache__/x.png"),
    *("CON.png", "con/aux.png", "nul.png", f"{'long' * 55}.png", "UPPER.PNG", "upper.png", "NA.png", "null.png"),
    *("manifest.png", "metadata.png", "labels.png", "1.png", "001.png", "a\\b.png", "a:b.png", "trailing .png"),
]
CLUSTERS = ["train", ".", "CON", "test", "__cache", "data", "007", "=cmd|' /C calc'!A0", "NA", "noise"]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_finished(tmp_path_factory.mktemp("hostile"), NAMES, clusters=len(CLUSTERS))


def _export(results: Path, to: Path, layout: Format, how: How | None = None) -> Exported:
    config = ExportConfig(results=results, to=to, format=layout, how=how)
    exported = export_clusters(config, names=dict(enumerate(CLUSTERS)))
    assert len(exported.images) == len(NAMES)
    return exported


def test_torchvision_opens_the_folders(results: Path, tmp_path: Path) -> None:
    from torchvision.datasets import ImageFolder

    exported = _export(results, tmp_path / "to", Format.FOLDERS)
    opened = ImageFolder(str(tmp_path / "to"))
    found = {path: opened.classes[label] for path, label in opened.samples}
    assert found == {str(tmp_path / "to" / image.target): image.name for image in exported.images}
    assert opened[0][0].size[1] == 40


@pytest.mark.parametrize("how", [How.COPY, How.SYMLINK])
def test_hugging_face_loads_every_image_with_its_own_row(results: Path, tmp_path: Path, how: How) -> None:
    import datasets

    exported = _export(results, tmp_path / "test" / "train", Format.HUGGINGFACE, how)
    loaded = datasets.load_dataset(
        "imagefolder", data_dir=str(tmp_path / "test" / "train"), cache_dir=str(tmp_path / "cache")
    )
    assert list(loaded) == ["train"]
    rows = {row["path"]: row for row in loaded["train"].cast_column("image", datasets.Image(decode=False))}
    assert {path: (row["name"], row["cluster"]) for path, row in rows.items()} == {
        image.id: (image.name, image.cluster) for image in exported.images
    }
    for image in exported.images:
        given = rows[image.id]["image"]
        content = given["bytes"] or Path(given["path"]).read_bytes()
        assert image.path is not None
        assert content == image.path.read_bytes()


def test_pycocotools_finds_every_image_and_category(results: Path, tmp_path: Path) -> None:
    from pycocotools.coco import COCO

    exported = _export(results, tmp_path / "to", Format.COCO)
    coco = COCO(str(tmp_path / "to" / "labels.json"))
    found = {}
    for number in coco.getImgIds():
        image = coco.loadImgs(number)[0]
        (annotation,) = coco.loadAnns(coco.getAnnIds(imgIds=number))
        assert (tmp_path / "to" / "data" / image["file_name"]).is_file()
        assert annotation["bbox"] == [0, 0, image["width"], image["height"]]
        found[image["path"]] = coco.loadCats(annotation["category_id"])[0]["name"]
    assert found == {image.id: image.name for image in exported.images}


@pytest.mark.parametrize("layout", [Format.FIFTYONE, Format.COCO])
def test_fiftyone_imports_every_image_with_its_cluster(
    results: Path, tmp_path: Path, fiftyone: ModuleType, layout: Format
) -> None:
    exported = _export(results, tmp_path / "to", layout)
    kinds = fiftyone.types
    kind = kinds.COCODetectionDataset if layout is Format.COCO else kinds.FiftyOneImageClassificationDataset
    dataset = fiftyone.Dataset.from_dir(str(tmp_path / "to"), dataset_type=kind, persistent=False)
    found = {}
    for sample in dataset:
        label = sample.detections.detections[0] if layout is Format.COCO else sample.ground_truth
        found[Path(sample.filepath).name] = label.label
    dataset.delete()
    assert found == {Path(image.target).name: image.name for image in exported.images}


def test_pandas_reads_a_csv_without_formulas(results: Path, tmp_path: Path) -> None:
    exported = _export(results, tmp_path / "to", Format.CSV)
    path = tmp_path / "to" / "clusters.csv"
    table = pd.read_csv(path, keep_default_na=False, dtype={"path": str, "name": str})
    texts = [*table["path"], *table["name"], *table["file"]]
    assert not [text for text in texts if text.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert table["cluster"].tolist() == [image.cluster for image in exported.images]
    plain = [text[1:] if text.startswith(("'=", "'+", "'-", "'@")) else text for text in table["path"]]
    assert plain == [image.id for image in exported.images]
    with path.open(newline="", encoding="utf-8") as file:
        assert len(list(csv.reader(file))) == len(NAMES) + 1


def test_parquet_and_json_are_exact(results: Path, tmp_path: Path) -> None:
    exported = _export(results, tmp_path / "parquet", Format.PARQUET)
    table = pq.read_table(tmp_path / "parquet" / "embeddings.parquet").to_pydict()
    assert table["path"] == [image.id for image in exported.images]
    assert table["name"] == [image.name for image in exported.images]
    assert pd.read_parquet(tmp_path / "parquet" / "embeddings.parquet")["path"].tolist() == table["path"]
    _export(results, tmp_path / "json", Format.JSON)
    document = json.loads((tmp_path / "json" / "clusters.json").read_text("utf-8"))
    assert {name for cluster in document["clusters"] for name in cluster["images"]} == set(NAMES)


def test_exported_vectors_are_taken_as_an_experiments_own(results: Path, tmp_path: Path) -> None:
    _export(results, tmp_path / "to", Format.NPY)
    assert len(np.load(tmp_path / "to" / "embeddings.npy")) == len(NAMES)
    plan = plan_experiment(ExperimentConfig(embeddings=tmp_path / "to", out=tmp_path / "out", cache_dir=tmp_path / "c"))
    assert plan.n_images == len(NAMES)
