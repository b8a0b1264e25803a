"""Several folders and lists of files as one image set."""

from __future__ import annotations

import io
import json
import os
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.errors import RunnerError
from runner.images.folders import path_in, scan_folders, scan_list
from runner.images.image_list import STDIN, files_outside, read_image_list
from runner.images.lookup import ImageNames

COMPOSED, DECOMPOSED = "caf\N{LATIN SMALL LETTER E WITH ACUTE}.jpg", "cafe\N{COMBINING ACUTE ACCENT}.jpg"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for name in ("a/photos/1.jpg", "a/photos/sub/2.jpg", "b/photos/1.jpg", "b/scans/3.jpg", "a/photos/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_one_folder_gives_the_names_it_always_gave(photos: Path) -> None:
    found = scan_folders([photos / "a" / "photos"])
    assert found.scan.images.ids == ("1.jpg", "sub/2.jpg")
    assert (found.name, found.note, found.scan.images.root) == ("photos", "", photos / "a" / "photos")
    assert not found.scan.images.roots


def test_names_with_several_folders(photos: Path) -> None:
    found = scan_folders([photos / "a" / "photos", photos / "b" / "photos", photos / "b" / "scans"], labels=True)
    images = found.scan.images
    assert images.ids == ("photos-2/1.jpg", "photos/1.jpg", "photos/sub/2.jpg", "scans/3.jpg")
    assert images.labels == ("photos-2", "photos", "photos/sub", "scans")
    assert images.root is None and images.titles == images.ids
    assert images.roots == {
        "photos": photos / "a" / "photos",
        "photos-2": photos / "b" / "photos",
        "scans": photos / "b" / "scans",
    }
    assert [path_in(images.roots, one) for one in images.ids] == list(images.paths)
    assert all(path.is_file() for path in images.paths)
    assert found.name == "photos + photos-2 + scans"
    assert ImageNames(images).find(str(photos / "b" / "photos" / "1.jpg")) == 0
    assert images.subset([1]).roots == images.roots


def test_skipped_files_have_their_folders_name(photos: Path) -> None:
    (photos / "b" / "scans" / "gone.jpg").symlink_to("nowhere")
    found = scan_folders([photos / "a" / "photos", photos / "b" / "scans"])
    assert [one.path for one in found.scan.skipped] == ["scans/gone.jpg"]


def test_overlapping_folders_count_once(photos: Path) -> None:
    (photos / "link").symlink_to(photos / "a")
    found = scan_folders([photos / "a" / "photos" / "sub", photos / "a", photos / "a", photos / "link"])
    assert found.scan.images.ids == ("photos/1.jpg", "photos/sub/2.jpg")
    assert found.note.count("twice") == 2 and f"{photos}/a/photos/sub lies in {photos}/a" in found.note
    several = scan_folders([photos / "a", photos / "b", photos / "b" / "scans"])
    assert len(several.scan.images) == 4 and f"{photos}/b/scans lies in {photos}/b" in several.note


def test_a_folder_that_is_not_there_is_named(photos: Path) -> None:
    with pytest.raises(RunnerError, match="absent can't be opened"):
        scan_folders([photos / "a", photos / "absent"])


def test_a_folder_in_another_normalisation(tmp_path: Path) -> None:
    (tmp_path / DECOMPOSED).mkdir()
    (tmp_path / DECOMPOSED / "1.jpg").touch()
    assert scan_folders([tmp_path / COMPOSED]).scan.images.paths == (tmp_path / DECOMPOSED / "1.jpg",)


NAMES = ["photos/1.jpg", "photos/sub/2.jpg"]


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("l.txt", "photos/1.jpg\nphotos/sub/2.jpg\n"),
        ("l.txt", "# mine\r\n\r\nphotos\\1.jpg\r\n photos/sub/2.jpg \r\n"),
        ("l", "photos/1.jpg\nphotos/sub/2.jpg"),
        ("l", "photos/1.jpg\0photos/sub/2.jpg\0"),
        ("l.csv", 'name;Path\n"x;y";"photos/1.jpg"\nz; photos/sub/2.jpg\n'),
        ("l.tsv", "FILENAME\tlabel\nphotos/1.jpg\tx\nphotos/sub/2.jpg\ty\n"),
        ("l", "label,image\nx,photos/1.jpg\n\ny,photos/sub/2.jpg\n"),
        ("l.csv", "photos/1.jpg\nphotos/sub/2.jpg\n"),
        ("l.json", json.dumps(NAMES)),
        ("l", json.dumps([{"filepath": name, "n": 1} for name in NAMES])),
        ("l.json", json.dumps({"info": {}, "images": [{"File": name} for name in NAMES]})),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_lists_as_people_have_them(photos: Path, file: str, content: str, encoding: str) -> None:
    (photos / "a" / file).write_bytes(content.encode(encoding))
    found = scan_list(photos / "a" / file, labels=True)
    assert found.scan.images.ids == ("1.jpg", "sub/2.jpg"), "relative to the folder that holds them all"
    assert found.scan.images.root == photos / "a" / "photos"
    assert found.scan.images.labels == (None, "sub")
    assert (found.scan.skipped, found.note) == ((), "")


def test_absolute_names_and_parents(photos: Path) -> None:
    names = [str(photos / "a" / "photos" / "1.jpg"), "../b/scans/3.jpg", "photos/sub/2.jpg"]
    path = photos / "a" / "list.txt"
    path.write_text("\n".join(names))
    images = scan_list(path).scan.images
    assert images.ids == ("a/photos/1.jpg", "a/photos/sub/2.jpg", "b/scans/3.jpg")
    assert images.root == photos
    assert files_outside(path) == {photos / "a" / "photos" / "1.jpg", photos / "b" / "scans" / "3.jpg"}


def test_what_is_listed_again_counts_once_and_what_is_missing_is_skipped(photos: Path) -> None:
    (photos / "link").symlink_to("a")
    os.mkfifo(photos / "pipe.jpg")
    names = [*["a/photos/1.jpg"] * 2, "./a/photos/../photos/1.jpg", "link/photos/1.jpg", "gone.jpg", "a", "pipe.jpg"]
    (photos / "list.json").write_text(json.dumps([*names, "b/scans/3.jpg", "\ud800", "x\0y"]))
    found = scan_list(photos / "list.json")
    assert found.scan.images.ids == ("a/photos/1.jpg", "b/scans/3.jpg")
    assert found.note.startswith("3 names stand in the list again")
    reasons = {one.path: one.reason for one in found.scan.skipped}
    assert reasons.keys() == {"gone.jpg", "a", "pipe.jpg", "\\ud800", "x\0y"}
    assert "No such file" in reasons["gone.jpg"] and "folder" in reasons["a"] and reasons["pipe.jpg"] == "is no file"


def test_a_name_on_the_disk_of_a_mac(tmp_path: Path) -> None:
    for name in (DECOMPOSED, "plain.jpg"):
        (tmp_path / name).touch()
    (tmp_path / "list.txt").write_text(f"{COMPOSED}\nplain.jpg\n")
    assert scan_list(tmp_path / "list.txt").scan.images.ids == (DECOMPOSED, "plain.jpg")
    (tmp_path / COMPOSED).touch()
    assert scan_list(tmp_path / "list.txt").scan.images.ids == (COMPOSED, "plain.jpg"), "the folder holds both"


def test_a_long_list_of_such_names_takes_no_forever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"caf\N{LATIN SMALL LETTER E WITH ACUTE} {number}.jpg" for number in range(50)]
    for name in names:
        (tmp_path / unicodedata.normalize("NFD", name)).touch()
    (tmp_path / "list.json").write_text(
        json.dumps([*names, *(f"\N{LATIN SMALL LETTER E WITH ACUTE}{name}" for name in names)])
    )
    listed = []
    list_folder = os.listdir
    monkeypatch.setattr(os, "listdir", lambda folder: listed.append(folder) or list_folder(folder))
    found = scan_list(tmp_path / "list.json")
    assert (len(found.scan.images), len(found.scan.skipped)) == (50, 50)
    assert listed.count(tmp_path) == 1, "each folder is listed once"


def test_standard_input_starts_from_the_working_folder(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(photos / "b")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"scans/3.jpg\nphotos/1.jpg\n")))
    found = scan_list(STDIN)
    assert found.scan.images.ids == ("photos/1.jpg", "scans/3.jpg")
    assert found.listed == tuple(str(photos / "b" / name) for name in ("scans/3.jpg", "photos/1.jpg"))


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: path.write_text("gone.jpg\n"), "none of the 1 files .* such as 'gone.jpg', .* start from"),
        (lambda path: path.write_text("\n# nothing\n"), "names no file"),
        (lambda path: path.write_text("[1]"), "entry 0 holds no file name"),
        (lambda path: path.write_text("[[]]"), "entry 0 holds no file name"),
        (lambda path: path.write_text("[" * 100_000), "nested too deep"),
        (lambda path: path.write_text('{"a": 1}'), "must be a JSON list"),
        (lambda path: path.write_bytes(b"caf\xe9.jpg"), "it is not UTF-8"),
        (os.mkfifo, "not a regular file"),
        (lambda path: None, "No such file"),
    ],
)
def test_lists_that_are_none(tmp_path: Path, write: Callable[[Path], object], message: str) -> None:
    write(tmp_path / "list")
    with pytest.raises(RunnerError, match=message):
        scan_list(tmp_path / "list")


def test_a_table_without_titles_is_told(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("1.jpg,cat\n2.jpg,dog\n")
    with pytest.raises(RunnerError, match="has no column path, filepath, file"):
        read_image_list(tmp_path / "list.csv")
