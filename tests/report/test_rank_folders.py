"""Rank folders: contents, replacement, and what they leave alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from runner.cluster.trial import NOISE
from runner.errors import RunnerError
from runner.images.thumbnails import Thumbnails
from runner.report.inputs import Results
from runner.report.rank_folders import RankedTrial, remove_stale_folders, rows_shown, write_rank_folder
from runner.score.cluster_statistics import cluster_facts
from tests.report.experiments import image_names, make_results


def _ranked(results: Results, rank: int = 1) -> RankedTrial:
    trial = results.summary.trial(results.summary.ranking[rank - 1])
    return RankedTrial(rank, trial, cluster_facts(results.labels(trial.id), results.vectors(trial.embedding)))


def _json(path: Path) -> dict:
    return json.loads(path.read_text("utf-8"))


def test_contents_agree_with_the_labels(tmp_path: Path) -> None:
    results = make_results(tmp_path / "images", image_names(25))
    ranked = _ranked(results)
    folder = write_rank_folder(tmp_path / "out", ranked, results, Thumbnails(results.images.paths))
    assert folder.name == "rank_01_kmeans"
    labels = np.load(folder / "labels.npy", allow_pickle=False)
    assert labels.dtype == np.int32
    assert np.array_equal(labels, results.labels(ranked.record.id))
    assert _json(folder / "image_to_cluster.json") == dict(zip(results.images.ids, labels.tolist(), strict=True))
    clusters = _json(folder / "cluster_to_images.json")
    assert list(clusters) == ["0", "1", "2", "3", "4", "noise"]
    for cluster in (*range(5), NOISE):
        expected = {results.images.ids[row] for row in np.flatnonzero(labels == cluster)}
        found = clusters["noise" if cluster == NOISE else str(cluster)]
        assert len(found) == len(expected)
        assert set(found) == expected
    info = _json(folder / "info.json")
    assert info["rank"] == 1
    assert info["trial"]["id"] == ranked.record.id
    for fact in info["clusters"]:
        assert fact["medoid"] == clusters[str(fact["cluster"])][0]
        assert fact["size"] == len(clusters[str(fact["cluster"])])
        assert (folder / fact["sheet"]).is_file()
    sheets = {path.name for path in (folder / "clusters").iterdir()}
    assert sheets == {*(f"cluster_{cluster:03d}.jpg" for cluster in range(5)), "noise.jpg"}
    assert (folder / "overview.jpg").is_file()


def test_medoid_leads_every_list(tmp_path: Path) -> None:
    results = make_results(None, image_names(40))
    ranked = _ranked(results)
    folder = write_rank_folder(tmp_path, ranked, results, None)
    vectors = results.vectors(ranked.record.embedding).astype(np.float64)
    labels = results.labels(ranked.record.id)
    for cluster, names in _json(folder / "cluster_to_images.json").items():
        if cluster == "noise":
            continue
        rows = np.flatnonzero(labels == int(cluster))
        similarity = (vectors[rows] @ vectors[rows].T).mean(axis=1)
        assert names[0] == results.images.ids[rows[similarity.argmax()]]
        assert names[-1] == results.images.ids[rows[similarity.argmin()]]


def test_without_files_there_are_no_sheets(tmp_path: Path) -> None:
    results = make_results(None, image_names(10))
    folder = write_rank_folder(tmp_path, _ranked(results), results, None)
    names = {path.name for path in folder.iterdir()}
    assert names == {"labels.npy", "info.json", "image_to_cluster.json", "cluster_to_images.json"}
    assert {fact["sheet"] for fact in _json(folder / "info.json")["clusters"]} == {None}


def test_stale_clusters_do_not_remain_but_foreign_files_do(tmp_path: Path) -> None:
    results = make_results(tmp_path / "images", image_names(25))
    thumbnails = Thumbnails(results.images.paths)
    many, few = _ranked(results), _ranked(results, rank=3)
    out = tmp_path / "out"
    folder = write_rank_folder(out, many, results, thumbnails)
    (folder / "clusters" / "my favourite.jpg").write_text("mine")
    (folder / "notes.txt").write_text("mine")
    again = write_rank_folder(out, RankedTrial(1, few.record, few.facts), results, thumbnails)
    assert again == folder
    sheets = {path.name for path in (folder / "clusters").iterdir()}
    assert sheets == {"cluster_000.jpg", "cluster_001.jpg", "cluster_002.jpg", "noise.jpg", "my favourite.jpg"}
    assert (folder / "notes.txt").read_text() == "mine"
    assert [path.name for path in out.iterdir()] == ["rank_01_kmeans"]


def test_folders_beyond_the_top_go_unless_they_are_not_ours(tmp_path: Path) -> None:
    results = make_results(None, image_names(10))
    for rank in (1, 2, 3):
        write_rank_folder(tmp_path, _ranked(results, rank), results, None)
    (tmp_path / "rank_03_kmeans" / "notes.txt").write_text("mine")
    (tmp_path / "rank_09_holiday").mkdir()
    remove_stale_folders(tmp_path, {"rank_01_kmeans"})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rank_01_kmeans", "rank_03_kmeans", "rank_09_holiday"]
    assert [path.name for path in (tmp_path / "rank_03_kmeans").iterdir()] == ["notes.txt"]


def test_foreign_folder_of_that_name_is_refused(tmp_path: Path) -> None:
    results = make_results(None, image_names(10))
    (tmp_path / "rank_01_kmeans").mkdir()
    (tmp_path / "rank_01_kmeans" / "labels.npy").write_text("precious")
    with pytest.raises(RunnerError, match="unknown origin"):
        write_rank_folder(tmp_path, _ranked(results), results, None)
    assert (tmp_path / "rank_01_kmeans" / "labels.npy").read_text() == "precious"


def test_algorithm_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    results = make_results(None, image_names(10))
    ranked = _ranked(results)
    evil = RankedTrial(1, ranked.record.model_copy(update={"algorithm": "../../evil"}), ranked.facts)
    with pytest.raises(RunnerError, match="file name"):
        write_rank_folder(tmp_path / "out", evil, results, None)


def test_rows_shown_are_all_that_sheets_need(tmp_path: Path) -> None:
    results = make_results(tmp_path / "images", image_names(30))
    ranked = _ranked(results)
    thumbnails = Thumbnails(results.images.paths)
    rows = rows_shown(ranked.facts)
    assert len(rows) == len(set(rows)) == 30
    thumbnails.load(rows)
    for path in results.images.paths:
        path.unlink()
    write_rank_folder(tmp_path / "out", ranked, results, thumbnails)
    assert thumbnails.unreadable == {}
