"""Find by example, on a finished experiment and on a folder."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from runner.cli import main
from runner.cluster.trial import NOISE
from runner.config.experiment import ExperimentConfig
from runner.errors import RunnerError
from runner.experiment.results import open_experiment
from runner.experiment.run import run_experiment
from runner.images.constraints import Pairs
from runner.images.folder import scan_folder
from runner.similar.co_clustered import Mate, consensus_mates
from runner.similar.config import SimilarConfig
from runner.similar.find import find_similar
from runner.similar.nearest import cosine_similarities, nearest
from runner.similar.pair_ranks import pair_ranks


@pytest.fixture(scope="module")
def photos(stamps: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 stamps under their folders."""
    folder = tmp_path_factory.mktemp("photos")
    images = scan_folder(stamps / "animals").images
    for image_id, path in list(zip(images.ids, images.paths, strict=True))[:80:2]:
        (folder / image_id).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder / image_id)
    return folder


@pytest.fixture(scope="module")
def results(photos: Path, cache_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("results")
    settings = {"images": photos, "models": ["efficientnet_lite0"], "mode": "debug", "cache_dir": cache_dir, "out": out}
    run_experiment(ExperimentConfig.model_validate({**settings, "top": 1}))
    return out


def test_neighbours_are_those_of_the_matrix(results: Path) -> None:
    finished = open_experiment(results)
    name = finished.images.ids[7]
    found = find_similar(SimilarConfig(queries=(name,), results=results, count=10))
    vectors = finished.vectors(finished.embedding_key())
    expected = vectors @ vectors[7]
    expected[7] = -2
    (neighbors,) = found.results[0].neighbors
    assert neighbors.rows.tolist() == np.argsort(-expected, kind="stable")[:10].tolist()
    np.testing.assert_allclose(neighbors.similarities, np.sort(expected)[::-1][:10], atol=1e-6)


def test_a_stranger_is_embedded_as_the_set_was(results: Path, photos: Path, tmp_path: Path) -> None:
    twin = scan_folder(photos).images.ids[3]
    stranger = tmp_path / "stranger.png"
    shutil.copy(photos / twin, stranger)
    inside, outside = find_similar(SimilarConfig(queries=(twin, str(stranger)), results=results)).results
    assert (inside.query.row, outside.query.row) == (3, None)
    assert outside.neighbors[0].rows[0] == 3
    assert outside.neighbors[0].similarities[0] == pytest.approx(1, abs=1e-5)
    assert outside.neighbors[0].rows[1:].tolist() == inside.neighbors[0].rows[:-1].tolist()
    assert {mate.row for mate in outside.mates} >= {3} | {mate.row for mate in inside.mates[:5]}


def test_consensus_counts_trials_and_leaves_noise_out() -> None:
    labels = [np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1]), np.array([NOISE, NOISE, NOISE, 0])]
    similarity = np.array([1.0, 0.2, 0.9, 0.8])
    assert consensus_mates(labels, [0, 0, 0], similarity, 0) == [Mate(1, 2, 0.2), Mate(2, 1, 0.9)]


def test_ranks_of_pairs() -> None:
    angles = np.radians([0.0, 10, 30, 90])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    (rank,) = pair_ranks("key", vectors, Pairs(np.array([[0, 2]]), np.empty((0, 2), np.int64)))
    assert (rank.rank, rank.reverse_rank) == (2, 2)
    assert rank.similarity == pytest.approx(np.cos(np.radians(30)))
    assert nearest("key", cosine_similarities(vectors, vectors[3]), 2, 3).rows.tolist() == [2, 1]


def test_command_on_a_folder_writes_what_it_found(
    photos: Path, cache_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = scan_folder(photos).images.ids[:2]
    pairs = tmp_path / "pairs.csv"
    pairs.write_text(f"first,second,kind\n{first},{second},must_link\n{first},gone.png,must_link\n")
    out = tmp_path / "found"
    words = ["similar", first, "--images", photos, "--model", "efficientnet_lite0", "--cache-dir", cache_dir]
    words += ["--out", out, "--count", "5", "--pairs", pairs]
    assert main([str(word) for word in words]) == 0
    printed = capsys.readouterr().out
    assert "1 must-link pairs" in printed
    assert "1 left out" in printed
    document = json.loads((out / "similar.json").read_text())
    assert len(next(iter(document["queries"][0]["neighbors"].values()))) == 5
    assert document["pairs"][0]["first"] == first
    with (out / "similar.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 5
    assert (out / "query_01.jpg").stat().st_size > 5000


def test_neighbours_are_collected_and_taken_back(results: Path, tmp_path: Path) -> None:
    name = open_experiment(results).images.ids[5]
    out = tmp_path / "found"
    words = ["similar", name, "--in", str(results), "--out", str(out), "--count", "4", "--collect", "copy"]
    assert main(words) == 0
    names = sorted(path.name for path in (out / "query_01").iterdir() if path.suffix == ".png")
    assert [each[:3] for each in names] == ["01_", "02_", "03_", "04_"]
    assert main(words) == 1  # it is there already
    assert main(["undo", str(out / "query_01")]) == 0
    assert not list((out / "query_01").glob("*.png"))
    assert main(words) == 0


def test_what_can_not_be_searched_is_said(results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RunnerError, match="neither one of the 40 images"):
        find_similar(SimilarConfig(queries=("gone.png",), results=results))
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    with pytest.raises(RunnerError, match=r"broken\.png"):
        find_similar(SimilarConfig(queries=(str(broken),), results=results))
    assert main(["similar", "--in", str(results)]) == 2
    assert main(["similar", "a.png"]) == 2
    assert main(["similar", "a.png", "--in", str(tmp_path)]) == 1
    assert "no summary.json" in capsys.readouterr().err


def test_vectors_and_tree_come_back_after_work_was_deleted(results: Path) -> None:
    finished = open_experiment(results)
    key = finished.embedding_key()
    before, tree = np.array(finished.vectors(key)), finished.geometry(key).tree(1).weights
    shutil.rmtree(results / ".work")
    again = open_experiment(results)
    np.testing.assert_array_equal(again.vectors(key), before)
    np.testing.assert_allclose(again.geometry(key).tree(1).weights, tree, atol=1e-6)
