"""Bursts: capture times read from EXIF, and links only within them, whatever the method."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from runner.cli import main
from runner.duplicates.config import DuplicatesConfig
from runner.experiment.duplicates import find_duplicates
from runner.images.capture_times import capture_times


def _save(path: Path, seed: int, taken: str | None, fraction: str | None = None, changed: bool = False) -> None:
    """A picture of coloured squares, taken at the given time; ``changed`` is the same scene a moment later."""
    generator = np.random.default_rng(seed)
    image = Image.fromarray(generator.integers(0, 256, (10, 10, 3), dtype=np.uint8))
    image = image.resize((200, 200), Image.Resampling.NEAREST)
    if changed:
        image.paste((0, 0, 0), (90, 90, 110, 110))
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "a camera"
    if taken is not None:
        tags = exif.get_ifd(ExifTags.IFD.Exif)
        tags[ExifTags.Base.DateTimeOriginal] = taken
        if fraction is not None:
            tags[ExifTags.Base.SubsecTimeOriginal] = fraction
    image.save(path, quality=95, exif=exif)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two bursts of one scene an hour apart, another scene at the time of the first, and one without a time."""
    folder = tmp_path / "photos"
    folder.mkdir()
    _save(folder / "first_a.jpg", 1, "2024:05:01 10:00:00", "90")
    _save(folder / "first_b.jpg", 1, "2024:05:01 10:00:02", "10", changed=True)
    _save(folder / "first_c.jpg", 1, "2024:05:01 10:00:03", "20")
    _save(folder / "later_a.jpg", 1, "2024:05:01 11:00:00", changed=True)
    _save(folder / "later_b.png", 1, "2024:05:01 11:00:01")
    _save(folder / "other.jpg", 2, "2024:05:01 10:00:01")
    _save(folder / "unknown.jpg", 1, None)
    return folder


def _groups(photos: Path, tmp_path: Path, method: str, within: float | None) -> list[list[str]]:
    config = DuplicatesConfig(
        images=photos,
        method=method,  # type: ignore[arg-type]
        model="pixels:32",
        threshold=0.6 if method == "orb" else 0.8,
        within=within,
        cache_dir=tmp_path / "cache",
        out=tmp_path / "out",
    )
    found = find_duplicates(config)
    ids = found.links.images.ids
    assert ("taken within" in found.links.measure) == (within is not None)
    return sorted(sorted(ids[member.row].split(".")[0] for member in group.members) for group in found.groups)


@pytest.mark.parametrize("method", ["hash", "embedding", "ssim", "dhash", "orb"])
def test_only_what_was_taken_within_the_time_is_linked(method: str, photos: Path, tmp_path: Path) -> None:
    first, later = ["first_a", "first_b", "first_c"], ["later_a", "later_b"]
    assert _groups(photos, tmp_path, method, None) == [[*first, *later, "unknown"]]
    assert _groups(photos, tmp_path, method, 1.2) == [first, later]  # a and c by b
    assert _groups(photos, tmp_path, method, 1.15) == [["first_b", "first_c"], later]
    assert _groups(photos, tmp_path, method, 0.5) == []
    assert _groups(photos, tmp_path, method, 7200) == [[*first, *later]]


def test_command_tells_of_images_without_a_time(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["duplicates", "--images", photos, "--method", "hash", "--within", 2, "--out", tmp_path / "out"]
    assert main([str(word) for word in [*words, "--cache-dir", tmp_path / "cache"]]) == 0
    said = capsys.readouterr().out
    assert "1 of 7 images don't say when they were taken, and are in no group" in said
    assert "unknown.jpg" in (tmp_path / "out" / "keep.txt").read_text()
    assert main(["duplicates", "--images", str(photos), "--method", "exact", "--within", "1"]) == 2
    assert main(["duplicates", "--images", str(photos), "--within", "-1"]) == 2
    for path in photos.glob("[!u]*"):
        path.unlink()
    _save(photos / "again.jpg", 1, "0000:00:00 00:00:00")
    assert main([str(word) for word in words]) == 1
    errors = capsys.readouterr().err
    assert "--within -1" in errors and "no image says when it was taken" in errors


@pytest.mark.parametrize(
    ("taken", "fraction", "expected"),
    [
        ("1970:01:02 00:00:01", None, 86401.0),
        ("1970:01:01 00:00:01", "5", 1.5),
        ("1970:01:01 00:00:01", "050\0 ", 1.05),
        ("1970:01:01 00:00:01", "??", 1.0),
        ("1970:01:01 00:00:01\0", None, 1.0),
        ("    :  :     :  :  ", None, math.nan),
        ("yesterday", "1", math.nan),
        (None, None, math.nan),
    ],
)
def test_times_as_cameras_write_them(taken: str | None, fraction: str | None, expected: float, tmp_path: Path) -> None:
    _save(tmp_path / "photo.jpg", 0, taken, fraction)
    assert capture_times([tmp_path / "photo.jpg"]) == pytest.approx([expected], nan_ok=True)


def test_files_that_cannot_be_read_have_no_time(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe1 no more")
    assert np.isnan(capture_times([tmp_path / "broken.jpg", tmp_path / "absent.jpg"])).all()


def test_a_panorama_over_every_limit_has_a_time(tmp_path: Path) -> None:
    path = tmp_path / "panorama.jpg"
    _save(path, 0, "1970:01:02 00:00:01")
    data = bytearray(path.read_bytes())
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = b"\xff\xdc" * 2  # 65,500 × 65,500 pixels
    path.write_bytes(data)
    assert capture_times([path]) == [86401.0]
