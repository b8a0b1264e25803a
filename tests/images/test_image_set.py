"""What images are called for people, where their ids are a dataset's."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.images.image_set import ImageSet, SkippedImage

SAMPLES = ImageSet(ids=("aa11", "bb22"), paths=(Path("/photos/cat.jpg"), Path("/photos/dog.jpg")))
FOLDER = ImageSet(ids=("pets/cat.jpg",), paths=(Path("/photos/pets/cat.jpg"),), root=Path("/photos"))


def test_titles() -> None:
    assert SAMPLES.titles == ("cat.jpg", "dog.jpg")
    assert FOLDER.titles == ("pets/cat.jpg",)
    assert ImageSet(ids=("row 0",), paths=()).titles == ("row 0",)


def test_skipped_samples_name_their_files() -> None:
    skipped = [SkippedImage("bb22", "empty file"), SkippedImage("cc33", "unknown")]
    assert SAMPLES.located(skipped) == [SkippedImage("bb22", "empty file (/photos/dog.jpg)"), skipped[1]]
    same = [SkippedImage("pets/cat.jpg", "empty file")]
    assert FOLDER.located(same) == same


def test_rows_are_found_by_id() -> None:
    assert SAMPLES.rows_of(reversed(SAMPLES.ids)) == [*reversed(range(len(SAMPLES)))]
    with pytest.raises(KeyError):
        SAMPLES.rows_of(["unknown"])
