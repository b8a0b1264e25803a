"""*Find near-duplicates*, *Find similar* and *Export clusters*, with good and bad parameters."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from runner.export.undo import undo_export
from runner.integrations.fiftyone.experiment_runs import experiment_runs
from tests.plugin.conftest import Execute, form_of, make_dataset

if TYPE_CHECKING:
    from fiftyone import Dataset


@pytest.fixture(scope="package")
def copied(
    execute: Execute, photos: Path, settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Dataset:
    """A dataset in which three pictures are there twice: once as they are, once re-encoded at half the size."""
    folder = tmp_path_factory.mktemp("copies")
    files = sorted(path for path in photos.rglob("*") if path.is_file())[::4]
    for number, path in enumerate(files):
        image = Image.open(path).convert("RGB").resize((160, 160))
        image.save(folder / f"{number}.png")
        if number < 3:
            image.resize((80, 80)).save(folder / f"{number} again.jpg", quality=90)
    dataset = make_dataset("copies", folder)
    out = tmp_path_factory.mktemp("copies-out") / "results"
    execute("run_experiment", dataset, {**settings, "name": "copies", "out": str(out)})
    dataset.reload()
    return dataset


def test_near_duplicates_are_grouped_and_the_larger_one_is_kept(execute: Execute, copied: Dataset) -> None:
    form = form_of("find_duplicates", copied, {"method": "hash", "threshold": 0.9})
    assert form["curve"]["view"]["data"] and "3 groups" in form["found"]["view"]["label"]
    result = execute("find_duplicates", copied, {"method": "hash", "threshold": 0.9, "rest": "tag"})
    assert (result.result["groups"], result.result["rest"]) == (3, 3)
    copied.reload()
    assert sorted(Path(file).name for file in copied.match_tags("duplicate").values("filepath")) == [
        "0 again.jpg",
        "1 again.jpg",
        "2 again.jpg",
    ]
    labels = copied.exists("duplicates").values("duplicates.label")
    assert sorted(labels) == ["group 001", "group 001", "group 002", "group 002", "group 003", "group 003"]


@pytest.mark.parametrize(
    ("method", "threshold"),
    [("orb", 0.2), ("template", 0.9), ("ssim", 0.8), ("minhash", 0.1), ("dhash", 0.9), ("ahash", 0.9), ("whash", 0.9)],
)
def test_other_measures_show_their_thresholds_and_find_the_copies(
    execute: Execute, copied: Dataset, method: str, threshold: float
) -> None:
    form = form_of("find_duplicates", copied, {"method": method})
    assert any(trace["name"] == "groups" for trace in form["curve"]["view"]["data"])
    assert "knee" in form["found"]["view"]["label"]
    found = execute(
        "find_duplicates", copied, {"method": method, "threshold": threshold, "field": f"by_{method}"}
    ).result
    copied.reload()
    names = dict(zip(*copied.exists(found["field"]).values(["filepath", f"{found['field']}.label"]), strict=True))
    groups = {Path(file).name: label for file, label in names.items()}
    assert any(f"{n}.png" in groups and groups[f"{n}.png"] == groups.get(f"{n} again.jpg") for n in range(3))


def test_many_images_are_read_only_when_that_is_asked_for(
    execute: Execute, copied: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = sys.modules["fiftyone.plugins.orgs.imagesweep.clustering.operators.find_duplicates"]
    monkeypatch.setattr(operator, "AT_ONCE", 5)
    with pytest.raises(Exception, match="Tick the box to compare"):
        execute("find_duplicates", copied, {"method": "ssim"})
    assert "curve" in form_of("find_duplicates", copied, {"method": "ssim", "compare": True})
    assert "curve" in form_of("find_duplicates", copied, {"method": "embedding"})


def test_a_threshold_of_ones_own(execute: Execute, copied: Dataset) -> None:
    everything = execute("find_duplicates", copied, {"threshold": -1.0, "field": "all_of_them"})
    assert (everything.result["groups"], everything.result["rest"]) == (1, len(copied) - 1)
    assert execute("find_duplicates", copied, {"method": "exact"}).result["groups"] == 0
    with pytest.raises(Exception, match="less than 1"):
        execute("find_duplicates", copied, {"threshold": 2.0})
    with pytest.raises(Exception, match="Tick the box"):
        execute("find_duplicates", copied, {"rest": "delete"})


def test_a_users_field_of_that_name_stays_and_deleted_samples_do_no_harm(
    execute: Execute, copied: Dataset, fiftyone: ModuleType
) -> None:
    copy = copied.clone("copies to delete", persistent=True)
    try:
        copy.add_sample_field("twins", fiftyone.StringField)
        copy.set_values("twins", ["mine"] * len(copy))
        deleted = {"method": "hash", "threshold": 0.9, "rest": "delete", "confirmed": True, "field": "twins"}
        result = execute("find_duplicates", copy, deleted).result
        copy.reload()
        assert result["field"] == "twins_2"
        assert set(copy.values("twins")) == {"mine"}
        assert len(copy) == len(copied) - 3
        assert execute("find_duplicates", copy, {"method": "hash", "threshold": 0.9}).result["groups"] == 0
    finally:
        copy.delete()


def test_the_twin_is_the_nearest_neighbour(execute: Execute, copied: Dataset) -> None:
    ids = {Path(file).name: one for one, file in zip(*copied.values(["id", "filepath"]), strict=True)}
    found = execute("find_similar", copied, {"count": 3}, selected=[ids["1.png"]]).result
    assert found["ids"][:2] == [ids["1.png"], ids["1 again.jpg"]]
    assert found["rows"][0]["mates"].endswith(" trials")


def test_similar_to_a_file_that_is_no_sample(execute: Execute, copied: Dataset, tmp_path: Path) -> None:
    path = tmp_path / "stranger.png"
    sample = copied.match({"filepath": {"$regex": "/2.png$"}}).first()
    Image.open(sample.filepath).rotate(2).save(path)
    by_path = execute("find_similar", copied, {"source": "path", "path": str(path)}).result
    assert by_path["ids"][0] in (sample.id, next(one.id for one in copied if one.filepath.endswith("2 again.jpg")))
    content = "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()
    upload = {"source": "upload", "upload": {"name": "stranger.png", "content": content}}
    assert execute("find_similar", copied, upload).result["ids"] == by_path["ids"]


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"source": "selected"}, "Tick a sample in the grid"),
        ({"source": "path", "path": "/nowhere.png"}, "nor a file"),
        ({"source": "path"}, "Required property"),
        ({"source": "path", "path": "/x", "count": 0}, "greater than 1"),
    ],
)
def test_nothing_to_compare_with(execute: Execute, copied: Dataset, params: dict[str, Any], told: str) -> None:
    with pytest.raises(Exception, match=told):
        execute("find_similar", copied, params)


def test_export_into_folders_can_be_undone(execute: Execute, study: Dataset, tmp_path: Path) -> None:
    to = tmp_path / "sorted"
    form = form_of("export_clusters", study, {"to": str(to)})
    assert "36 images" in form["plan"]["view"]["label"] and not to.exists()
    execute("export_clusters", study, {"to": str(to)})
    files = [path for path in to.rglob("*") if path.is_file() and path.parent != to]
    assert len(files) == len(study)
    assert all(Path(file).is_file() for file in study.values("filepath"))
    undo_export(to)
    assert not any(path.exists() for path in files)


def test_export_as_a_list_of_a_chosen_trial(execute: Execute, study: Dataset, tmp_path: Path) -> None:
    from runner.results.files import read_summary

    run = next(one for one in experiment_runs(study) if one.key == "study_sweep")
    trial = read_summary(run.out).ranking[1]
    execute("export_clusters", study, {"to": str(tmp_path / "list"), "format": "json", "trial": trial})
    listed = next(path for path in (tmp_path / "list").glob("*.json"))
    assert len(study) == sum(text in listed.read_text() for text in study.values("id"))
    assert json.loads(listed.read_text())


def test_exports_that_cannot_be(execute: Execute, study: Dataset, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(Exception, match="full"):
        execute("export_clusters", study, {"to": str(tmp_path / "full")})
    with pytest.raises(Exception, match="Required property"):
        execute("export_clusters", study, {})
    with pytest.raises(Exception, match="Invalid enum value"):
        execute("export_clusters", study, {"to": str(tmp_path / "new"), "how": "move"})
