"""Samples and results are about the same files, however the paths to them are spelt."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

from runner.errors import RunnerError
from runner.fields.matching import match_samples
from runner.images.folder import scan_folder


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
    matched = match_samples(dataset, tmp_path, images.ids, str(images.root))
    assert dict(zip(matched.ids, matched.rows.tolist(), strict=True)) == dict(zip(ids, [0, 1, 1, 2], strict=False))
    assert matched.n_deleted == 1
    with pytest.raises(RunnerError, match="none of the 1 images"):
        match_samples(dataset, tmp_path, ["elsewhere.png"], str(images.root))
    dataset.delete()
