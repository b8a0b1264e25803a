"""Experiments on several folders, on lists and on standard input, and everything that opens their results again.

Two small experiments without a network's weights; about a minute.
"""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

import runner
from runner.cli import main
from runner.errors import RunnerError
from runner.experiment.results import open_experiment
from runner.results.files import read_paths, read_summary

COMMON = ("--models", "pixels", "--mode", "debug", "--algorithms", "kmeans", "--workers", "1", "--top", "1")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folders of the same name and a third, five pictures in each."""
    root = tmp_path_factory.mktemp("photos")
    random = np.random.default_rng(0)
    for place, folder in enumerate(("one/pictures", "two/pictures", "two/scans")):
        (root / folder).mkdir(parents=True)
        for number in range(5):
            pixels = random.integers(0, 90, (24, 24, 3)) + 80 * place
            Image.fromarray(pixels.astype(np.uint8)).save(root / folder / f"{number}.png")
    return root


@pytest.fixture(scope="module")
def several(photos: Path, tmp_path_factory: pytest.TempPathFactory, cache_dir: Path) -> Path:
    """Results of an experiment on all three folders."""
    out = tmp_path_factory.mktemp("several") / "results"
    folders = [str(photos / name) for name in ("one/pictures", "two/pictures", "two/scans")]
    arguments = [
        "experiment",
        "--images",
        *folders,
        "--labels",
        "folder",
        "--out",
        str(out),
        "--cache-dir",
        str(cache_dir),
    ]
    assert main([*arguments, *COMMON]) == 0
    return out


@pytest.fixture(scope="module")
def piped(photos: Path, tmp_path_factory: pytest.TempPathFactory, cache_dir: Path) -> Path:
    """Results of an experiment on a list from standard input, started in the folder ``one``."""
    out = tmp_path_factory.mktemp("piped") / "results"
    names = [*(f"pictures/{number}.png" for number in range(5)), *(f"../two/scans/{number}.png" for number in range(5))]
    text = "\n".join([*names, "pictures/gone.png", names[0]])
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(photos / "one")
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        assert (
            main(["experiment", "--images-from", "-", "--out", str(out), "--cache-dir", str(cache_dir), *COMMON]) == 0
        )
    return out


NAMES = tuple(f"{folder}/{number}.png" for folder in ("pictures-2", "pictures", "scans") for number in range(5))
LISTED = tuple(f"{folder}/{number}.png" for folder in ("one/pictures", "two/scans") for number in range(5))


def test_results_of_several_folders(several: Path, photos: Path) -> None:
    images = json.loads((several / "summary.json").read_text())["images"]
    assert images["root"] is None
    assert images["roots"] == {
        "pictures": str(photos / "one/pictures"),
        "pictures-2": str(photos / "two/pictures"),
        "scans": str(photos / "two/scans"),
    }
    assert read_paths(several) == NAMES
    assert read_summary(several).experiment.name == "pictures + pictures-2 + scans"
    scores = read_summary(several).trials[0].scores
    assert scores is not None and scores.ami is not None, "folders are labels"


def test_they_open_again(several: Path, photos: Path) -> None:
    images = open_experiment(several).images
    files = [photos / "two/pictures", photos / "one/pictures", photos / "two/scans"]
    assert images.paths == tuple(folder / f"{number}.png" for folder in files for number in range(5))


def test_config_yaml_finds_them_again(several: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["experiment", "--config", str(several / "config.yaml"), "--out", "again", "--top", "0"]) == 0
    assert (tmp_path / "again" / "labels.parquet").read_bytes() == (several / "labels.parquet").read_bytes()


def test_export_and_searches_of_several_folders(several: Path, photos: Path, tmp_path: Path) -> None:
    runner.export_clusters(runner.ExportConfig(results=several, to=tmp_path / "sorted"))
    exported = [path.read_bytes() for path in (tmp_path / "sorted").rglob("*.png")]
    assert sorted(exported) == sorted(path.read_bytes() for path in photos.rglob("*.png"))
    with pytest.raises(RunnerError, match="lies in the folder of images"):
        runner.export_clusters(runner.ExportConfig(results=several, to=photos / "two/scans/sorted"))
    found = runner.find_similar(runner.SimilarConfig(queries=("pictures-2/3.png",), results=several, count=4))
    assert found.results[0].query.path == photos / "two/pictures/3.png"
    assert main(["duplicates", "--in", str(several), "--method", "exact", "--out", str(tmp_path / "copies")]) == 0
    assert json.loads((tmp_path / "copies/groups.json").read_text())["roots"].keys() == {
        "pictures",
        "pictures-2",
        "scans",
    }
    assert main(["report", str(several)]) == 0


def test_searches_take_the_same_sources(photos: Path, tmp_path: Path) -> None:
    folders = [photos / "one/pictures", photos / "two/scans"]
    found = runner.find_duplicates(runner.DuplicatesConfig(images=folders, method="exact", out=tmp_path))
    assert found.links.images.ids == NAMES[5:]
    (tmp_path / "list.json").write_text(json.dumps([str(folder / "0.png") for folder in folders]))
    listed = runner.DuplicatesConfig(images_from=tmp_path / "list.json", method="exact", out=tmp_path)
    assert runner.find_duplicates(listed).links.images.ids == ("one/pictures/0.png", "two/scans/0.png")


def test_results_of_a_list_from_standard_input(piped: Path, photos: Path) -> None:
    images = json.loads((piped / "summary.json").read_text())["images"]
    assert (images["root"], images["roots"], images["found"]) == (str(photos), {}, 11)
    assert [one["path"] for one in images["skipped"]] == ["pictures/gone.png"]
    assert read_paths(piped) == LISTED
    settings = yaml.safe_load((piped / "config.yaml").read_text())
    assert settings["images_from"] == str(piped / "images_from.json") and "images" not in settings


def test_its_config_yaml_can_be_run_again(piped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["experiment", "--config", str(piped / "config.yaml"), "--out", "again", "--top", "0"]) == 0
    assert (tmp_path / "again" / "labels.parquet").read_bytes() == (piped / "labels.parquet").read_bytes()


def test_listed_files_are_copied_and_never_moved(piped: Path, photos: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in photos.rglob("*.png")}
    with pytest.raises(RunnerError, match=r"nothing to export: .* from outside its folder"):
        runner.export_clusters(runner.ExportConfig(results=piped, to=tmp_path / "moved", how="move"))
    runner.export_clusters(runner.ExportConfig(results=piped, to=photos / "sorted"))
    exported = set((photos / "sorted").rglob("*.png"))
    assert len(exported) == 10 and {path: path.read_bytes() for path in before} == before
    runner.undo_export(photos / "sorted")
    assert not [path for path in photos.rglob("*.png") if path not in before]


def test_what_makes_no_sense_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["experiment", "--images", "a", "--images-from", "b"]) == 2
    assert "exactly one of --images, --images-from, --dataset, --embeddings" in capsys.readouterr().err
    assert main(["experiment", "--images", "a", "--view", "b"]) == 2
    assert "--view goes with --dataset" in capsys.readouterr().err
    (tmp_path / "settings.yaml").write_text('images: "a\\0b"\n')
    assert main(["experiment", "--config", str(tmp_path / "settings.yaml")]) == 2
    assert "no name that a file or folder can have" in capsys.readouterr().err
    os.mkfifo(tmp_path / "pipe.yaml")
    assert main(["experiment", "--config", str(tmp_path / "pipe.yaml")]) == 2
    assert "pipe.yaml is not a regular file" in capsys.readouterr().err


def test_one_folder_is_written_as_it_always_was(tmp_path: Path) -> None:
    one = runner.ExperimentConfig(images=tmp_path)
    assert one.images == (tmp_path,) and one.model_dump(mode="json")["images"] == str(tmp_path)
    two = runner.ExperimentConfig(images=[tmp_path, "b"])
    assert two.model_dump(mode="json")["images"] == [str(tmp_path), "b"]
    assert runner.ExperimentConfig.model_validate(two.model_dump()) == two
