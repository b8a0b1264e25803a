"""The demo's folder of images."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from runner.errors import RunnerError
from runner.images.decode import decode_image
from runner.images.demo_images import write_demo_images
from runner.images.image_set import ImageSet


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    return write_demo_images(tmp_path_factory.mktemp("demo"))


def test_some_hundred_labelled_images_that_can_be_read(demo: ImageSet) -> None:
    assert 200 <= len(demo) <= 400
    assert demo.labels is not None
    sizes = Counter(demo.labels)
    assert None not in sizes
    assert len(sizes) >= 20
    assert min(sizes.values()) >= 8
    assert all(min(decode_image(path).size) >= 100 for path in demo.paths[::7])


def test_each_image_is_a_different_one(demo: ImageSet) -> None:
    assert len({path.read_bytes() for path in demo.paths}) == len(demo)


def test_the_digits_are_dark_on_white(demo: ImageSet) -> None:
    digit = next(path for path in demo.paths if path.parent.name == "7")
    pixels = np.asarray(decode_image(digit))
    assert pixels[:, 0].mean() > 200
    assert pixels.min() < 50


def test_a_second_call_changes_nothing_and_overwrites_nothing(demo: ImageSet) -> None:
    changed = demo.paths[0]
    original = changed.read_bytes()
    changed.write_bytes(b"mine")
    demo.paths[1].unlink()
    before = {path: path.stat().st_mtime_ns for path in demo.paths if path.exists()}
    assert demo.root is not None
    assert write_demo_images(demo.root).ids == demo.ids
    assert changed.read_bytes() == b"mine"
    assert all(path.stat().st_mtime_ns == modified for path, modified in before.items())
    assert not list(demo.root.rglob(".*")), "no unfinished file is left"
    changed.write_bytes(original)


def test_the_same_packages_give_the_same_files(demo: ImageSet, tmp_path: Path) -> None:
    again = write_demo_images(tmp_path)
    assert again.ids == demo.ids
    assert all(one.read_bytes() == other.read_bytes() for one, other in zip(again.paths, demo.paths, strict=True))


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunnerError, match="can't write the demo images"):
        write_demo_images(tmp_path / "file" / "demo")


def test_no_photographs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.images.demo_images.find_spec", lambda name: None)
    with pytest.raises(RunnerError, match="scikit-image"):
        write_demo_images(tmp_path)
    assert not list(tmp_path.iterdir())
