"""Exports in every way and format, read back by the tools they are for; undone, everything is as it was."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.cli import main
from runner.errors import RunnerError, UsageError
from runner.export.config import Choose, ExportConfig, Format, How
from runner.export.export import export_clusters
from runner.export.undo import undo_export
from tests.export.finished_results import snapshot, write_finished
from tests.report.experiments import image_names

NOBODY = 65534

ODD = [
    "1.png",
    "a/1.png",
    "b/1.png",
    "a/1.PNG",
    "b/with space.png",
    "ä/ö.png",
    "-rf.png",
    "a/new\nline.png",
    "q'\"$.png",
]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return write_finished(tmp_path, [*image_names(40), *ODD])


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("manifest")]


@pytest.mark.parametrize("how", list(How))
def test_every_way_puts_every_image_in_its_cluster_and_is_undone(results: Path, tmp_path: Path, how: How) -> None:
    images, to = tmp_path / "images", tmp_path / "sorted"
    before = snapshot(images)
    exported = export_clusters(ExportConfig(results=results, to=to, how=how))
    assert len(_files(to)) == len(before) == len(exported.images)
    assert {cluster.name for cluster in exported.clusters} >= {"cluster_000", "noise"}
    for image in exported.images:
        placed = to / image.target
        assert snapshot(placed.parent)[placed.name][0] == before[image.id][0]
        assert placed.is_symlink() == (how is How.SYMLINK)
        if how is How.HARDLINK:
            assert placed.samefile(images / image.id)
    assert (snapshot(images) == {}) == (how is How.MOVE)
    undone = undo_export(to)
    assert undone.kept == ()
    assert snapshot(images) == before
    assert [path.name for path in to.iterdir()] == ["manifest-undone.jsonl"]
    assert undo_export(to).already
    assert snapshot(images) == before


FOLDERS = st.sampled_from(["", "a/", "b/", "a/b/"])
STEMS = st.sampled_from(["1", "2", "x y", "é", "É", "'"])
NAMES = st.lists(st.tuples(FOLDERS, STEMS, st.sampled_from([".png", ".PNG"])), min_size=3, max_size=14, unique=True)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    parts=NAMES, how=st.sampled_from(list(How)), layout=st.sampled_from([Format.FOLDERS, Format.COCO, Format.FIFTYONE])
)
def test_any_names_survive_export_and_undo(
    tmp_path_factory: pytest.TempPathFactory, parts: list[tuple[str, str, str]], how: How, layout: Format
) -> None:
    folder = tmp_path_factory.mktemp("export")
    results = write_finished(folder, ["".join(each) for each in parts], clusters=2)
    before = snapshot(folder / "images")
    exported = export_clusters(ExportConfig(results=results, to=folder / "to", how=how, format=layout))
    assert len(exported.images) == len(before)
    assert {snapshot(folder / "to")[image.target][0] for image in exported.images} == {
        each[0] for each in before.values()
    }
    assert undo_export(folder / "to").kept == ()
    assert snapshot(folder / "images") == before


def test_selection_by_size_number_and_place(results: Path, tmp_path: Path) -> None:
    def chosen(choose: Choose) -> dict[str, tuple[int, ...]]:
        config = ExportConfig(results=results, to=tmp_path / "x", per_cluster=3, choose=choose, dry_run=True)
        return {cluster.name: cluster.rows for cluster in export_clusters(config).clusters}

    medoids, borders, random = (chosen(choose) for choose in Choose)
    assert all(len(rows) <= 3 for rows in medoids.values())
    assert medoids["cluster_000"] != borders["cluster_000"]
    assert random == chosen(Choose.RANDOM)
    whole = export_clusters(ExportConfig(results=results, to=tmp_path / "x", dry_run=True))
    assert whole.clusters[0].rows[:3] == medoids["cluster_000"]
    assert whole.clusters[0].rows[-3:] == borders["cluster_000"]
    large = export_clusters(ExportConfig(results=results, to=tmp_path / "x", dry_run=True, min_size=11))
    assert {cluster.name for cluster in large.clusters} == {
        cluster.name for cluster in whole.clusters if cluster.size >= 11 and cluster.cluster not in (None, -1)
    }
    assert not (tmp_path / "x").exists()


def test_names_become_folders_and_never_collide(results: Path, tmp_path: Path) -> None:
    names = {0: "birds / gulls", 1: "noise", 2: "../..", 3: "NOISE"}
    exported = export_clusters(ExportConfig(results=results, to=tmp_path / "to"), names=names)
    folders = [cluster.name for cluster in exported.clusters]
    assert folders[0] == "birds _ gulls"
    assert len({folder.casefold() for folder in folders}) == len(folders)
    assert folders[-1] == "noise"
    assert sorted(path.name for path in (tmp_path / "to").iterdir() if path.is_dir()) == sorted(folders)
    with pytest.raises(UsageError, match="no cluster 99"):
        export_clusters(ExportConfig(results=results, to=tmp_path / "to2"), names={99: "x"})


def test_lists_name_every_image(results: Path, tmp_path: Path) -> None:
    export_clusters(ExportConfig(results=results, to=tmp_path / "csv", format=Format.CSV))
    export_clusters(ExportConfig(results=results, to=tmp_path / "json", format=Format.JSON))
    with (tmp_path / "csv" / "clusters.csv").open(newline="", encoding="utf-8") as file:
        rows = {row["path"].replace("'-rf.png", "-rf.png"): row for row in csv.DictReader(file)}
    document = json.loads((tmp_path / "json" / "clusters.json").read_text())
    listed = {name: cluster["name"] for cluster in document["clusters"] for name in cluster["images"]}
    assert {path: row["name"] for path, row in rows.items()} == listed
    assert set(listed) == set(snapshot(tmp_path / "images"))
    assert all(Path(row["file"]).is_file() for row in rows.values())


def test_embeddings_are_those_of_the_experiment(results: Path, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    from runner.experiment.results import open_experiment

    finished = open_experiment(results)
    key = finished.trial(1).embedding
    expected = dict(zip(finished.images.ids, np.asarray(finished.vectors(key)), strict=True))
    exported = export_clusters(ExportConfig(results=results, to=tmp_path / "npy", format=Format.NPY))
    export_clusters(ExportConfig(results=results, to=tmp_path / "parquet", format=Format.PARQUET))
    vectors = np.load(tmp_path / "npy" / "embeddings.npy")
    table = pq.read_table(tmp_path / "parquet" / "embeddings.parquet").to_pydict()
    for place, image in enumerate(exported.images):
        np.testing.assert_array_equal(vectors[place], expected[image.id])
        np.testing.assert_array_equal(np.float32(table["embedding"][place]), expected[table["path"][place]])
    assert np.load(tmp_path / "npy" / "labels.npy").tolist() == table["cluster"]
    from runner.images.precomputed import load_precomputed

    assert len(load_precomputed(tmp_path / "npy").images.paths) == len(exported.images)


def test_hugging_face_loads_it(results: Path, tmp_path: Path) -> None:
    import datasets

    exported = export_clusters(ExportConfig(results=results, to=tmp_path / "hf", format=Format.HUGGINGFACE))
    loaded = datasets.load_dataset("imagefolder", data_dir=str(tmp_path / "hf"), cache_dir=str(tmp_path / "cache"))
    rows = loaded["train"]
    assert sorted(rows["path"]) == sorted(image.id for image in exported.images)
    assert set(rows["name"]) == {cluster.name for cluster in exported.clusters}
    assert rows[0]["image"].size[1] == 40


@pytest.mark.parametrize("layout", [Format.FIFTYONE, Format.COCO])
def test_fiftyone_imports_it(results: Path, tmp_path: Path, fiftyone: ModuleType, layout: Format) -> None:
    exported = export_clusters(ExportConfig(results=results, to=tmp_path / "data", format=layout))
    kinds = fiftyone.types
    kind = kinds.COCODetectionDataset if layout is Format.COCO else kinds.FiftyOneImageClassificationDataset
    dataset = fiftyone.Dataset.from_dir(str(tmp_path / "data"), dataset_type=kind, persistent=False)
    expected = {Path(image.target).name: image.name for image in exported.images}
    found = {}
    for sample in dataset:
        label = sample.detections.detections[0] if layout is Format.COCO else sample.ground_truth
        found[Path(sample.filepath).name] = label.label
    dataset.delete()
    assert found == expected


def test_destination_and_sources_are_checked_first(results: Path, tmp_path: Path) -> None:
    images = tmp_path / "images"
    with pytest.raises(RunnerError, match="would be taken for images"):
        export_clusters(ExportConfig(results=results, to=images / "sorted"))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(RunnerError, match=r"holds mine\.txt"):
        export_clusters(ExportConfig(results=results, to=tmp_path / "full"))
    with pytest.raises(RunnerError, match="is a file"):
        export_clusters(ExportConfig(results=results, to=tmp_path / "full" / "mine.txt"))
    with pytest.raises(UsageError, match="ranked trials 1 to 2"):
        export_clusters(ExportConfig(results=results, to=tmp_path / "x", rank=3))
    (images / "folder 0" / "image-000.png").unlink()
    exported = export_clusters(ExportConfig(results=results, to=tmp_path / "sorted", how=How.MOVE))
    assert [image.path for image in exported.skipped] == ["folder 0/image-000.png"]
    with pytest.raises(RunnerError, match="holds an export already"):
        export_clusters(ExportConfig(results=results, to=tmp_path / "sorted"))


def test_moving_into_a_folder_of_the_images_works(results: Path, tmp_path: Path) -> None:
    before = snapshot(tmp_path / "images")
    export_clusters(ExportConfig(results=results, to=tmp_path / "images" / "sorted", how=How.MOVE))
    undo_export(tmp_path / "images" / "sorted")
    shutil.rmtree(tmp_path / "images" / "sorted")
    assert snapshot(tmp_path / "images") == before


def test_undo_keeps_what_is_not_the_exports(results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    to = tmp_path / "sorted"
    exported = export_clusters(ExportConfig(results=results, to=to))
    edited, only, foreign = (to / image.target for image in exported.images[:3])
    edited.write_bytes(b"edited since")
    (tmp_path / "images" / exported.images[1].id).unlink()
    foreign.unlink()
    foreign.symlink_to(tmp_path / "images" / exported.images[2].id)
    (to / "cluster_000" / "notes.txt").write_text("mine")
    assert main(["undo", str(to)]) == 1
    assert "3 files" in capsys.readouterr().err
    assert edited.read_bytes() == b"edited since"
    assert only.exists()
    assert foreign.is_symlink()
    assert sorted(_files(to)) == sorted([edited, only, foreign, to / "cluster_000" / "notes.txt"])


def test_undo_of_a_move_does_not_overwrite(results: Path, tmp_path: Path) -> None:
    to = tmp_path / "sorted"
    exported = export_clusters(ExportConfig(results=results, to=to, how=How.MOVE))
    taken = tmp_path / "images" / exported.images[0].id
    taken.write_bytes(b"a new picture in the old place")
    undone = undo_export(to)
    assert taken.read_bytes() == b"a new picture in the old place"
    assert [kept.path for kept in undone.kept] == [to / exported.images[0].target]
    taken.unlink()
    assert undo_export(to).kept == ()
    assert not _files(to)


def test_undo_never_leaves_its_folder(results: Path, tmp_path: Path) -> None:
    to = tmp_path / "sorted"
    exported = export_clusters(ExportConfig(results=results, to=to))
    victim = tmp_path / "victim"
    shutil.copytree(to / "cluster_000", victim)
    shutil.rmtree(to / "cluster_000")
    (to / "cluster_000").symlink_to(victim)
    before = snapshot(victim)
    assert len(undo_export(to).kept) == len(exported.clusters[0].rows)
    assert snapshot(victim) == before
    manifest = to / "manifest.jsonl"
    manifest.write_text(manifest.read_text().replace('"target": "cluster_000/', '"target": "../victim/'))
    with pytest.raises(RunnerError, match="leads out of"):
        undo_export(to)
    assert snapshot(victim) == before


def test_permission_is_checked_before_the_first_file() -> None:
    with TemporaryDirectory() as name:
        root = Path(name)
        results = write_finished(root, image_names(40))
        config = ExportConfig(results=results, to=root / "sorted", how=How.MOVE)
        export_clusters(config.model_copy(update={"dry_run": True}))
        root.chmod(0o777)
        (root / "images" / "folder 1").chmod(0o555)
        before = snapshot(root / "images")
        assert "no permission to take images out of" in _error_of_an_ordinary_user(lambda: export_clusters(config))
        assert snapshot(root / "images") == before


def _error_of_an_ordinary_user(act: Callable[[], object]) -> str:
    """What goes wrong when it is not root who does it: in a fork, as root may write anywhere."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            act()
            os.write(writing, b"nothing went wrong")
        except BaseException as error:
            os.write(writing, repr(error).encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as pipe:
        return pipe.read()
