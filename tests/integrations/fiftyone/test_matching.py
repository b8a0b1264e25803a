"""Samples and results are about the same files, however the paths to them are spelt."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

from runner.errors import RunnerError
from runner.images.folder import scan_folder
from runner.images.folders import scan_folders
from runner.images.image_set import ImageSet
from runner.integrations.fiftyone.matching import match_samples
from runner.results.summary import ImagesRecord


def record_of(images: ImageSet) -> ImagesRecord:
    """What the results of an experiment on these images say of them."""
    roots = {name: str(root) for name, root in images.roots.items()}
    root = None if images.root is None else str(images.root)
    return ImagesRecord(root=root, roots=roots, found=len(images), embedded=len(images), cached=0, skipped=[])


def test_a_link_in_the_way_makes_no_strangers(fiftyone: ModuleType, tmp_path: Path) -> None:
    disk, photos = tmp_path / "disk", tmp_path / "photos"
    disk.mkdir()
    photos.symlink_to(disk, target_is_directory=True)
    for number in range(4):
        Image.new("RGB", (20, 20), (number * 60, 0, 0)).save(disk / f"{number}.png")
    (tmp_path / "hard.png").hardlink_to(disk / "2.png")
    (tmp_path / "stranger.png").write_bytes((disk / "2.png").read_bytes())
    files = [photos / "0.png", photos / "1.png", disk / "1.png", tmp_path / "hard.png", tmp_path / "stranger.png"]
    dataset = fiftyone.Dataset()
    ids = dataset.add_samples([fiftyone.Sample(filepath=str(file)) for file in files], progress=False)
    images = scan_folder(photos).images
    record = record_of(images)
    matched = match_samples(dataset, tmp_path, images.ids, record)
    assert dict(zip(matched.ids, matched.rows.tolist(), strict=True)) == dict(zip(ids, [0, 1, 1, 2], strict=False))
    assert matched.n_deleted == 1
    with pytest.raises(RunnerError, match="none of the 1 images"):
        match_samples(dataset, tmp_path, ["elsewhere.png"], record)
    dataset.delete()


def test_samples_of_several_folders(fiftyone: ModuleType, tmp_path: Path) -> None:
    """Two folders of one name hold files of one name, one of them decomposed as on the disk of a Mac."""
    names = ["1.png", "e\N{COMBINING ACUTE ACCENT}.png"]
    folders = [tmp_path / "a" / "photos", tmp_path / "b" / "photos"]
    for folder in folders:
        folder.mkdir(parents=True)
        for name in names:
            Image.new("RGB", (20, 20)).save(folder / name)
    images = scan_folders(folders).scan.images
    assert images.ids == ("photos-2/1.png", f"photos-2/{names[1]}", "photos/1.png", f"photos/{names[1]}")
    files = [folders[0] / "1.png", folders[1] / "\N{LATIN SMALL LETTER E WITH ACUTE}.png", folders[1] / "1.png"]
    dataset = fiftyone.Dataset()
    ids = dataset.add_samples([fiftyone.Sample(filepath=str(file)) for file in files], progress=False)
    matched = match_samples(dataset, tmp_path, images.ids, record_of(images))
    assert dict(zip(matched.ids, matched.rows.tolist(), strict=True)) == dict(zip(ids, [2, 1, 0], strict=True))
    assert matched.n_deleted == 1
    dataset.delete()
