"""Samples as images: what is read, what is skipped, and what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from runner.cli import main
from runner.errors import RunnerError, UsageError
from runner.images.source import SourceWishes
from runner.integrations.fiftyone.dataset_source import open_dataset, require_plain_images

if TYPE_CHECKING:
    from fiftyone import Dataset


def test_ids_files_and_labels(dataset: Dataset) -> None:
    source = open_dataset(dataset.name, SourceWishes(labels="kind"))
    assert list(source.images.ids) == dataset.values("id")
    assert [str(path) for path in source.images.paths] == dataset.values("filepath")
    assert list(source.images.labels or ()) == dataset.values("kind.label")
    assert (source.name, source.skipped, source.total, source.images.root) == (dataset.name, (), 24, None)


def test_labels_from_folders_and_strings(dataset: Dataset) -> None:
    dataset.set_values("colour", dataset.values("kind.label"))
    dataset.set_values("weight", list(range(len(dataset))))
    by_folder = open_dataset(dataset.name, SourceWishes(labels="folder")).images.labels
    assert by_folder == open_dataset(dataset.name, SourceWishes(labels="colour")).images.labels
    with pytest.raises(UsageError, match=r"--labels weight is no field .* use folder, kind, colour"):
        open_dataset(dataset.name, SourceWishes(labels="weight"))
    with pytest.raises(UsageError, match="--labels kin is no field"):
        open_dataset(dataset.name, SourceWishes(labels="kin"))


def test_missing_files_and_unknown_ids_shift_nothing(dataset: Dataset, tmp_path: Path) -> None:
    import fiftyone as fo

    ids, files = dataset.values(["id", "filepath"])
    lost = dataset[ids[3]]
    lost.filepath = str(tmp_path / "gone.png")
    lost.save()
    twice = dataset.add_sample(fo.Sample(filepath=files[0]))
    source = open_dataset(dataset.name, SourceWishes(), [*ids[2:6], twice, "0" * 24, ids[0]])
    assert source.images.ids == (ids[0], ids[2], ids[4], ids[5])
    assert source.images.same_file == [[ids[0], twice]], "samples that show one file are names of one image"
    assert [str(path) for path in source.images.paths] == [files[0], files[2], files[4], files[5]]
    assert source.n_found == 5 + len(source.skipped)
    reasons = {skipped.path: skipped.reason for skipped in source.skipped}
    assert reasons == {
        ids[3]: f"its file {tmp_path / 'gone.png'} is missing",
        "0" * 24: f"is no sample of the dataset {dataset.name!r}",
    }


def test_targets_and_pairs_are_sampled(dataset: Dataset, tmp_path: Path) -> None:
    ids, files = dataset.values(["id", "filepath"])
    pairs = tmp_path / "pairs.yaml"
    pairs.write_text(f"must_link:\n  - [{ids[7]}, {files[9]}]\n")
    wishes = SourceWishes(targets=[Path(ids[20]), Path(files[21])], pairs=pairs, sample=4)
    source = open_dataset(dataset.name, wishes)
    assert set(source.images.ids) == {ids[7], ids[9], ids[20], ids[21]}
    assert source.targets == (ids[20], ids[21])


def test_unknown_dataset_names_the_nearest(dataset: Dataset) -> None:
    with pytest.raises(RunnerError, match=f"did you mean '{dataset.name}'"):
        open_dataset(f"{dataset.name}s", SourceWishes())


def test_a_saved_view_is_taken_alone(dataset: Dataset) -> None:
    from fiftyone import ViewField

    dataset.save_view("green", dataset.match(ViewField("kind.label") == "green").sort_by("filepath", reverse=True))
    source = open_dataset(dataset.name, SourceWishes(labels="kind"), view="green")
    assert list(source.images.ids) == dataset.load_saved_view("green").values("id")
    assert set(source.images.labels or ()) == {"green"}
    assert (source.total, source.name) == (8, dataset.name)
    assert source.location == f"FiftyOne dataset {dataset.name}, view green"
    with pytest.raises(RunnerError, match="has no saved view 'gren'; it has green"):
        open_dataset(dataset.name, SourceWishes(), view="gren")
    dataset.delete_saved_view("green")
    with pytest.raises(RunnerError, match="has no saved view 'green'; it has none"):
        open_dataset(dataset.name, SourceWishes(), view="green")


def test_a_saved_view_of_patches_is_refused(dataset: Dataset) -> None:
    import fiftyone as fo

    things = [fo.Detections(detections=[fo.Detection(bounding_box=[0, 0, 1, 1])]) for _ in range(len(dataset))]
    dataset.set_values("things", things)
    dataset.save_view("things", dataset.to_patches("things"))
    with pytest.raises(RunnerError, match="is a view of object patches"):
        open_dataset(dataset.name, SourceWishes(), view="things")


def test_files_in_another_normalisation(fiftyone: object, tmp_path: Path) -> None:
    import fiftyone as fo

    for name in ("e\N{COMBINING ACUTE ACCENT}.png", "plain.png"):
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    composed = fo.Dataset()
    composed.add_samples(
        [fo.Sample(filepath=str(tmp_path / name)) for name in ("\N{LATIN SMALL LETTER E WITH ACUTE}.png", "plain.png")]
    )
    source = open_dataset(composed.name, SourceWishes())
    assert source.skipped == () and set(source.images.paths) == set(tmp_path.iterdir())


@pytest.mark.parametrize("media", ["video", "point cloud", "group", "patches"])
def test_what_is_no_image_is_refused(media: str, fiftyone: object, dataset: Dataset) -> None:
    import fiftyone as fo

    if media == "patches":
        things = [fo.Detections(detections=[fo.Detection(bounding_box=[0, 0, 1, 1])]) for _ in range(len(dataset))]
        dataset.set_values("things", things)
        with pytest.raises(RunnerError, match="object patches"):
            require_plain_images(dataset.to_patches("things"))
        return
    other = fo.Dataset()
    if media == "group":
        group = fo.Group()
        other.add_group_field("pair", default="left")
        other.add_samples([fo.Sample(filepath=f"{side}.png", pair=group.element(side)) for side in ("left", "right")])
        with pytest.raises(RunnerError, match=r"grouped dataset \(left, right\).*select_group_slices\('left'\)"):
            open_dataset(other.name, SourceWishes())
        clone = other.select_group_slices("left").clone()
        assert len(open_dataset(clone.name, SourceWishes()).skipped) == 1, "the remedy works"
        return
    other.add_sample(fo.Sample(filepath="film.mp4" if media == "video" else "scan.pcd"))
    with pytest.raises(RunnerError, match=f"holds {media.replace(' ', '-')} samples, and only images"):
        open_dataset(other.name, SourceWishes())


@pytest.mark.check
def test_database_that_does_not_answer(tmp_path: Path) -> None:
    environment = os.environ | {"FIFTYONE_DATABASE_URI": "mongodb://127.0.0.1:9"}
    done = subprocess.run(
        [sys.executable, "-m", "runner", "experiment", "--dataset", "any", "--out", str(tmp_path / "out")],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 1
    assert "database can't be reached" in done.stderr and "FIFTYONE_DATABASE_URI" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr


def test_no_image_at_all(fiftyone: object, tmp_path: Path) -> None:
    import fiftyone as fo

    import runner

    empty = fo.Dataset()
    with pytest.raises(RunnerError, match="gives no image to cluster"):
        runner.run_experiment(runner.ExperimentConfig(dataset=empty.name, out=tmp_path / "out"))


@pytest.mark.check
def test_embed_a_part_of_a_dataset(dataset: Dataset, tmp_path: Path, cache_dir: Path) -> None:
    ids = dataset.values("id")
    (tmp_path / "ids.json").write_text(json.dumps(ids[:5]))
    command = [sys.executable, "-m", "runner", "embed", "--dataset", dataset.name, "--cache-dir", str(cache_dir)]
    model = ["--models", "efficientnet_lite0", "--resolutions", "32", "--samples", str(tmp_path / "ids.json")]
    done = subprocess.run([*command, *model], capture_output=True, text=True)
    assert done.returncode == 0 and "5 images embedded" in done.stdout, done.stdout + done.stderr


def test_embed_a_saved_view(
    dataset: Dataset, tmp_path: Path, cache_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset.save_view("some", dataset.limit(5))
    command = ["embed", "--dataset", dataset.name, "--models", "pixels", "--cache-dir", str(cache_dir), "--view"]
    assert main([*command, "some"]) == 0
    assert "5 images embedded" in capsys.readouterr().out
    assert main([*command, "none"]) == 1
    assert "has no saved view 'none'; it has some" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "[]", "{}", "[1]", None])
def test_bad_lists_of_samples(text: str | None, dataset: Dataset, tmp_path: Path) -> None:
    import runner

    file = tmp_path / "ids.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(RunnerError, match=f"the list of samples {file}"):
        runner.run_experiment(runner.ExperimentConfig(dataset=dataset.name, samples=file, out=tmp_path / "out"))


@pytest.mark.check
def test_fiftyone_comes_after_mlflow(fiftyone: object) -> None:
    """MLflow brings a package that makes a plain import of FiftyOne fail."""
    place = "runner.integrations.fiftyone.connection"
    code = f"import mlflow; from {place} import import_fiftyone; print(import_fiftyone().__version__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
