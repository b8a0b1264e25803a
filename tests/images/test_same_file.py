"""Several names of one file, end to end: results are those of the files, told under every name."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
import pytest
from PIL import Image

import runner
from runner.cli import main
from runner.duplicates.config import DuplicatesConfig
from runner.duplicates.outputs import write_duplicates
from runner.experiment.duplicates import find_duplicates
from runner.experiment.results import FinishedExperiment, open_experiment
from runner.experiment.run import plan_experiment
from runner.results.summary import Summary
from runner.similar.config import SimilarConfig
from runner.similar.find import find_similar

N_FILES = 12
SAME_FILE = [["a/00.png", "link/00.png", "z/00.png"], ["b/01.png", "hard/01.png"]]
COPY = "copy of 02.png"


def write_files(folder: Path, *, with_names: bool) -> Path:
    """Pictures of two kinds, one of them there twice, as a copy; and further names of two others."""
    generator = np.random.default_rng(0)
    for number in range(N_FILES):
        file = folder / "ab"[number % 2] / f"{number:02d}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        tint = np.array([200, 60, 40] if number % 2 else [30, 90, 220])
        Image.fromarray(np.clip(tint + generator.normal(0, 30, (16, 16, 3)), 0, 255).astype(np.uint8)).save(file)
    (folder / COPY).write_bytes((folder / "a" / "02.png").read_bytes())
    if with_names:
        for further in ("link", "z", "hard"):
            (folder / further).mkdir()
        (folder / "link" / "00.png").symlink_to(folder / "a" / "00.png")
        (folder / "z" / "00.png").symlink_to(Path("..", "link", "00.png"))
        (folder / "hard" / "01.png").hardlink_to(folder / "b" / "01.png")
    return folder


def run(folder: Path, out: Path, cache: Path, **changes: object) -> Summary:
    settings = {
        "images": folder,
        "models": ["pixels"],
        "mode": "debug",
        "sweep": {"kmeans": [{"n_clusters": [2, 3]}], "threshold": [{"similarity": {"merge_quantiles": [0.5]}}]},
        "algorithms": ["kmeans", "threshold"],
        "out": out,
        "cache_dir": cache,
        "top": 1,
        "workers": 1,
        **changes,
    }
    return runner.run_experiment(runner.ExperimentConfig.model_validate(settings))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``plain`` has the files, ``named`` the same files and further names; each with its results."""
    place = tmp_path_factory.mktemp("names")
    for name, with_names in (("plain", False), ("named", True)):
        run(write_files(place / name, with_names=with_names), place / f"{name}-results", place / "cache")
    return place


@pytest.fixture
def named(place: Path) -> FinishedExperiment:
    return open_experiment(place / "named-results")


@pytest.mark.check
def test_further_names_change_nothing_that_is_computed(place: Path, named: FinishedExperiment) -> None:
    plain = open_experiment(place / "plain-results")
    assert named.images.ids == plain.images.ids
    assert named.summary.ranking == plain.summary.ranking
    for one, other in zip(named.summary.trials, plain.summary.trials, strict=True):
        assert one.scores == other.scores
        assert (named.labels(one.id) == plain.labels(other.id)).all()
    assert [null.scores for null in named.summary.null_baselines] == [
        null.scores for null in plain.summary.null_baselines
    ]


@pytest.mark.check
def test_names_are_counted_and_told(named: FinishedExperiment) -> None:
    images = named.summary.images
    assert images.found == N_FILES + 1 + 3
    assert images.found == images.embedded + images.cached + len(images.skipped)
    assert images.same_file == SAME_FILE
    assert [[*row] for row in named.images.same_file] == SAME_FILE


@pytest.mark.check
def test_every_result_file_has_a_row_per_name(place: Path, named: FinishedExperiment) -> None:
    out = place / "named-results"
    table = parquet.read_table(out / "labels.parquet").to_pydict()
    every = {path.relative_to(place / "named").as_posix() for path in (place / "named").rglob("*.png")}
    assert len(table["path"]) == len(every) and set(table["path"]) == every
    best = named.summary.ranking[0]
    label = dict(zip(table["path"], table[best], strict=True))
    folder = next(out.glob("rank_01_*"))
    assert json.loads((folder / "image_to_cluster.json").read_text()) == label
    assert np.load(folder / "labels.npy").tolist() == table[best]
    listed = json.loads((folder / "cluster_to_images.json").read_text())
    assert {name for names in listed.values() for name in names} == every
    assert sum(cluster["size"] for cluster in json.loads((folder / "info.json").read_text())["clusters"]) <= N_FILES + 1
    for drawn in (out / "plots").glob("map_*.parquet"):
        assert set(parquet.read_table(drawn).to_pydict()["path"]) == every
    for names in SAME_FILE:
        assert len({label[name] for name in names}) == 1


@pytest.mark.check
def test_the_plan_tells_names_and_what_is_left_out(tmp_path: Path) -> None:
    photos = write_files(tmp_path / "photos", with_names=True)
    (photos / "notes.txt").write_text("x")
    (photos / "layers").write_bytes(b"8BPS" + bytes(60))
    config = runner.ExperimentConfig(images=photos, models=("pixels",), out=tmp_path / "out", cache_dir=tmp_path / "c")
    lines = plan_experiment(config).lines()
    assert f"images      {N_FILES + 1} from {photos}, under {N_FILES + 1 + 3} names" in lines
    assert any(line.startswith("skipped     1 file, the first: layers is a Photoshop picture") for line in lines)
    assert "left out    1 file is no picture: 1 .txt" in lines


@pytest.mark.check
def test_a_second_call_finds_everything_done(place: Path, named: FinishedExperiment) -> None:
    again = run(place / "named", place / "named-results", place / "cache")
    assert again.images.cached == again.images.found
    assert again.experiment == named.summary.experiment


@pytest.mark.check
def test_a_sample_counts_files_and_brings_all_their_names(place: Path, tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("first,second,kind\nhard/01.png,b/03.png,must_link\n")
    sampled = run(place / "named", tmp_path / "out", place / "cache", sample=5, target=(Path("z/00.png"),), pairs=pairs)
    images = open_experiment(tmp_path / "out").images
    assert len(images) == 5
    assert {"a/00.png", "b/01.png", "b/03.png"} <= set(images.ids)
    assert images.same_file == SAME_FILE == sampled.images.same_file
    assert sampled.images.found == 5 + 3


@pytest.mark.check
@pytest.mark.parametrize("method", ["exact", "hash", "embedding"])
def test_duplicates_never_group_the_names_of_one_file(place: Path, tmp_path: Path, method: str) -> None:
    config = DuplicatesConfig.model_validate(
        {
            "images": place / "named",
            "method": method,
            "model": "pixels",
            "threshold": "auto" if method == "exact" else 1.0,
            "out": tmp_path / "out",
            "cache_dir": place / "cache",
        }
    )
    folder = write_duplicates(find_duplicates(config))
    groups = json.loads((folder / "groups.json").read_text())["groups"]
    assert [{image["path"] for image in group["images"]} for group in groups] == [{"a/02.png", COPY}]
    kept, dropped = ((folder / f"{name}.txt").read_text().splitlines() for name in ("keep", "drop"))
    assert len(dropped) == 1
    assert {name for names in SAME_FILE for name in names} <= set(kept)
    assert len(kept) + len(dropped) == N_FILES + 1 + 3
    with (folder / "images.csv").open(newline="") as file:
        assert {row["path"] for row in csv.DictReader(file)} == {*kept, *dropped}


@pytest.mark.check
def test_a_name_is_not_its_own_neighbour(place: Path, named: FinishedExperiment) -> None:
    config = SimilarConfig(queries=("z/00.png", str(place / "named" / "link" / "00.png")), results=named.out)
    for result in find_similar(config).results:
        assert result.query.row == named.images.ids.index("a/00.png")
        assert result.query.row not in result.neighbors[0].rows
        assert len(result.neighbors[0].rows) == N_FILES  # all others, each once


@pytest.mark.check
def test_two_names_of_one_file_need_no_link_and_cannot_be_kept_apart(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = tmp_path / "pairs.yaml"
    pairs.write_text("must_link:\n- [a/00.png, z/00.png]\n- [a/00.png, a/02.png]\n")
    summary = run(place / "named", tmp_path / "out", place / "cache", pairs=pairs)
    assert summary.trials[0].scores is not None
    assert summary.trials[0].scores.must_link_share in (0.0, 1.0)  # of one pair
    pairs.write_text("cannot_link:\n- [a/00.png, z/00.png]\n")
    command = ["similar", "--in", str(place / "named-results"), "--pairs", str(pairs), "--out", str(tmp_path / "s")]
    assert main(command) == 1
    assert "one file" in capsys.readouterr().err


@pytest.mark.check
def test_names_of_a_file_with_different_folder_labels_have_no_label(place: Path) -> None:
    from runner.images.folder import scan_folder

    images = scan_folder(place / "named", labels=True).images
    assert images.labels is not None
    labels = dict(zip(images.ids, images.labels, strict=True))
    assert labels["a/00.png"] is None and labels["a/02.png"] == "a"


@pytest.mark.check
def test_a_folder_of_links_alone_gives_the_same_results(place: Path, tmp_path: Path) -> None:
    """As git-annex, DVC and model hubs lay files out: every name is a link to a file elsewhere, called by its hash."""
    for number, file in enumerate(sorted((place / "plain").rglob("*.png"))):
        link = tmp_path / "links" / file.relative_to(place / "plain")
        stored = tmp_path / "store" / f"{number:032x}"
        for made in (link, stored):
            made.parent.mkdir(parents=True, exist_ok=True)
        stored.write_bytes(file.read_bytes())
        link.symlink_to(os.path.relpath(stored, link.parent))
    summary = run(tmp_path / "links", tmp_path / "out", place / "cache")
    plain = open_experiment(place / "plain-results").summary
    assert summary.experiment.fingerprint == plain.experiment.fingerprint
    assert summary.images.skipped == [] and summary.images.found == N_FILES + 1
    assert summary.ranking == plain.ranking
