"""Finding images by name, and labels from folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.errors import RunnerError
from runner.images.folder import scan_folder
from runner.images.image_set import ImageSet
from runner.images.lookup import ImageNames, folder_labels, resolve_targets


@pytest.fixture
def images(tmp_path: Path) -> ImageSet:
    for name in ("cats/1.jpg", "cats/2.jpg", "dogs/1.jpg", "1.jpg"):
        file = tmp_path / "root" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    (tmp_path / "elsewhere.jpg").touch()
    (tmp_path / "root" / "link.jpg").symlink_to("1.jpg")
    (tmp_path / "alias").symlink_to("root", target_is_directory=True)
    return scan_folder(tmp_path / "root").images


def test_an_image_is_found_by_all_its_names(images: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = [
        "cats/1.jpg",
        "./cats/1.jpg",
        "dogs/../cats/1.jpg",
        "root/cats/1.jpg",
        "alias/cats/1.jpg",
        str(tmp_path / "root" / "cats" / "1.jpg"),
        str(tmp_path / "alias" / "cats" / "1.jpg"),
    ]
    assert {images.ids[ImageNames(images).find(name) or 0] for name in names} == {"cats/1.jpg"}


def test_a_link_is_a_further_name_of_its_file(images: ImageSet, tmp_path: Path) -> None:
    assert resolve_targets(images, [tmp_path / "alias" / "link.jpg"]) == ("1.jpg",)
    assert resolve_targets(images, ["link.jpg", "1.jpg"]) == ("1.jpg",)


def test_a_file_is_found_by_what_it_is(images: ImageSet, tmp_path: Path) -> None:
    (tmp_path / "hard.jpg").hardlink_to(tmp_path / "root" / "cats" / "1.jpg")
    (tmp_path / "soft.jpg").symlink_to(tmp_path / "root" / "cats" / "2.jpg")
    assert resolve_targets(images, [tmp_path / "hard.jpg", tmp_path / "soft.jpg"]) == ("cats/1.jpg", "cats/2.jpg")


@pytest.mark.parametrize(
    "name", ["a" * 300 + ".jpg", "d/" * 3000 + "1.jpg", "zero\0byte.jpg", "~nobody-of-that-name/1.jpg"]
)
def test_names_that_no_file_can_have_are_none_of_the_images(images: ImageSet, name: str) -> None:
    assert ImageNames(images).find(name) is None


def test_names_as_other_programs_write_them(images: ImageSet, tmp_path: Path) -> None:
    names = ["cats\\1.jpg", " cats/1.jpg ", ".\\cats\\1.jpg", f"{tmp_path}\\root\\cats\\1.jpg"]
    assert {images.ids[ImageNames(images).find(name) or 0] for name in names} == {"cats/1.jpg"}
    odd = ImageSet(ids=("a\\b.jpg", "a/b.jpg", " c.jpg", "c.jpg"), paths=())
    assert [ImageNames(odd).find(name) for name in ("a\\b.jpg", "a/b.jpg", " c.jpg", "c.jpg")] == [0, 1, 2, 3]


def test_a_name_in_another_normalisation_is_the_same(tmp_path: Path) -> None:
    composed, decomposed = "caf\N{LATIN SMALL LETTER E WITH ACUTE}.jpg", "cafe\N{COMBINING ACUTE ACCENT}.jpg"
    for one, other in ((composed, decomposed), (decomposed, composed)):
        names = ImageNames(ImageSet(ids=("a.jpg", one), paths=(tmp_path / "a.jpg", tmp_path / one)))
        assert names.find(other) == names.find(one) == names.find(str(tmp_path / other)) == 1
    both = ImageNames(ImageSet(ids=(composed, decomposed), paths=()))
    assert (both.find(composed), both.find(decomposed)) == (0, 1)
    other = "\N{LATIN SMALL LETTER E WITH ACUTE}\N{COMBINING DOT BELOW}"
    two = ("e\N{COMBINING ACUTE ACCENT}\N{COMBINING DOT BELOW}", "e\N{COMBINING DOT BELOW}\N{COMBINING ACUTE ACCENT}")
    assert ImageNames(ImageSet(ids=two, paths=())).find(other) is None, "the folder holds both"


@pytest.mark.parametrize("name", ["a\0b", "~\0", "\ud800.jpg", "~nobody\udcff/x.jpg", "x" * 9000])
def test_what_no_file_can_be_called_is_no_image(images: ImageSet, name: str) -> None:
    assert ImageNames(images).find(name) is None


def test_equal_base_names_are_not_confused(images: ImageSet) -> None:
    assert resolve_targets(images, ["dogs/1.jpg", "1.jpg", "cats/1.jpg"]) == ("dogs/1.jpg", "1.jpg", "cats/1.jpg")


def test_targets_given_twice_count_once(images: ImageSet) -> None:
    assert resolve_targets(images, ["1.jpg", Path("./1.jpg"), "cats/2.jpg"]) == ("1.jpg", "cats/2.jpg")


@pytest.mark.parametrize("name", ["3.jpg", "cats", "../elsewhere.jpg", "", "root/../../x.jpg"])
def test_what_is_not_in_the_set(images: ImageSet, name: str) -> None:
    assert ImageNames(images).find(name) is None
    with pytest.raises(RunnerError, match=r"not among the 5 images of .*root: --target"):
        resolve_targets(images, ["1.jpg", name])


def test_sample_ids_and_file_paths() -> None:
    samples = ImageSet(ids=("65f0", "65f1"), paths=(Path("/data/x.jpg"), Path("/data/y.jpg")))
    assert resolve_targets(samples, ["65f1", "/data/x.jpg"]) == ("65f1", "65f0")


def test_rows_without_files() -> None:
    rows = ImageSet(ids=("row 0000000",), paths=())
    assert resolve_targets(rows, ["row 0000000"]) == ("row 0000000",)


@pytest.mark.parametrize(
    ("ids", "labels"),
    [
        ([], ()),
        (["a.jpg"], (None,)),
        (["a/b/c.jpg", "a/d.jpg", "./e.jpg"], ("a/b", "a", None)),
        (["/data/a/1.jpg", "/data/b/2.jpg", "/data/3.jpg"], ("a", "b", None)),
        (["/data/a/1.jpg", "/data/a/2.jpg"], (None, None)),
    ],
)
def test_folder_labels(ids: list[str], labels: tuple[str | None, ...]) -> None:
    assert folder_labels(ids) == labels
