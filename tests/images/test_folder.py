"""Scanning folders, kind ones and hostile ones."""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runner.errors import RunnerError
from runner.images.folder import IMAGE_SUFFIXES, FolderScan, scan_folder


def fill(root: Path, names: Iterable[str]) -> None:
    for name in names:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")


def reasons(scan: FolderScan) -> dict[str, str]:
    return {skipped.path: skipped.reason for skipped in scan.skipped}


def test_every_suffix_in_any_case(tmp_path: Path) -> None:
    names = [f"a{suffix}" for suffix in IMAGE_SUFFIXES] + [f"b{suffix.upper()}" for suffix in IMAGE_SUFFIXES]
    fill(tmp_path, [*names, "notes.txt", "clip.mp4", "jpg", "a.jpg.part"])
    assert scan_folder(tmp_path).images.ids == tuple(sorted(names))


def test_ids_paths_and_root_belong_together(tmp_path: Path) -> None:
    fill(tmp_path, ["b/1.jpg", "a/1.jpg", "a/1.png", "1.jpg", "a b/ü\n'\".jpg"])
    images = scan_folder(tmp_path).images
    assert images.ids == ("1.jpg", "a b/ü\n'\".jpg", "a/1.jpg", "a/1.png", "b/1.jpg")
    assert images.root == tmp_path.resolve()
    assert [path.relative_to(tmp_path.resolve()).as_posix() for path in images.paths] == list(images.ids)
    assert images.labels is None


def test_the_order_is_not_that_of_the_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, [f"{folder}/{number}.jpg" for folder in "cab" for number in range(9)])
    expected = scan_folder(tmp_path).images.ids
    list_folder = os.scandir

    @contextmanager
    def shuffled(path: str) -> Iterator[Iterable[os.DirEntry[str]]]:
        with list_folder(path) as entries:
            yield random.Random(1).sample(found := list(entries), len(found))

    monkeypatch.setattr(os, "scandir", shuffled)
    assert scan_folder(tmp_path).images.ids == expected


def test_folder_labels(tmp_path: Path) -> None:
    fill(tmp_path, ["animals/birds/1.jpg", "animals/2.jpg", "3.jpg"])
    assert scan_folder(tmp_path, labels=True).images.labels == (None, "animals", "animals/birds")


def test_hidden_and_system_folders_are_passed_over_in_silence(tmp_path: Path) -> None:
    fill(tmp_path, [".thumbnails/a.jpg", "._b.jpg", "__MACOSX/c.jpg", "x/@eaDir/d.jpg", "x/.git/e.jpg", "good.jpg"])
    scan = scan_folder(tmp_path)
    assert scan.images.ids == ("good.jpg",)
    assert scan.skipped == ()


def test_results_below_the_root_are_no_images_but_may_be_searched_by_name(tmp_path: Path) -> None:
    fill(tmp_path, ["good.jpg", "results/.imagesweep.json", "results/plots/a.png", "results/previous/1/plots/b.png"])
    assert scan_folder(tmp_path).images.ids == ("good.jpg",)
    assert scan_folder(tmp_path / "results").images.ids == ("plots/a.png", "previous/1/plots/b.png")


def test_a_hidden_root_is_searched_all_the_same(tmp_path: Path) -> None:
    fill(tmp_path / ".pictures", ["a.jpg"])
    assert scan_folder(tmp_path / ".pictures").images.ids == ("a.jpg",)


def test_empty_files_are_kept_for_decoding_to_report(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    assert scan_folder(tmp_path).images.ids == ("empty.jpg",)


def test_links(tmp_path: Path) -> None:
    root = tmp_path / "root"
    fill(tmp_path, ["root/real/a.jpg", "outside/b.jpg", "outside/deep/c.jpg"])
    (root / "inner.jpg").symlink_to(root / "real" / "a.jpg")
    (root / "outer.jpg").symlink_to(tmp_path / "outside" / "b.jpg")
    (root / "broken.jpg").symlink_to(root / "nothing.jpg")
    (root / "circle.jpg").symlink_to(root / "circle.jpg")
    (root / "way_out").symlink_to(tmp_path / "outside", target_is_directory=True)
    (root / "real" / "loop").symlink_to(root, target_is_directory=True)
    (root / "same").symlink_to(root / "real", target_is_directory=True)
    scan = scan_folder(root)
    assert scan.images.ids == ("inner.jpg", "real/a.jpg")
    assert {name: reason.split(";")[0] for name, reason in reasons(scan).items()} == {
        "outer.jpg": "is a link to a file outside the folder of images",
        "broken.jpg": "is a link that leads nowhere",
        "circle.jpg": "is a link that leads nowhere",
        "way_out": "is a link to a folder outside the folder of images",
    }


def test_a_link_as_root_is_followed(tmp_path: Path) -> None:
    fill(tmp_path / "real", ["a.jpg"])
    (tmp_path / "link").symlink_to(tmp_path / "real", target_is_directory=True)
    assert scan_folder(tmp_path / "link").images.paths == ((tmp_path / "real" / "a.jpg").resolve(),)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems don't allow such names")
def test_names_that_are_not_unicode_are_skipped_and_can_be_written(tmp_path: Path) -> None:
    fill(tmp_path, ["good.jpg"])
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff.jpg"))).write_bytes(b"x")
    scan = scan_folder(tmp_path)
    assert scan.images.ids == ("good.jpg",)
    assert "UTF-8" in reasons(scan)["bad\\udcff.jpg"]
    json.dumps([skipped.path for skipped in scan.skipped], ensure_ascii=False).encode()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems don't allow such names")
def test_a_root_that_is_not_unicode_is_named_readably(tmp_path: Path) -> None:
    root = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    fill(root, ["a.jpg"])
    with pytest.raises(RunnerError, match=r"udcff.*rename") as caught:
        scan_folder(root)
    str(caught.value).encode()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_pipes_are_skipped(tmp_path: Path) -> None:
    fill(tmp_path, ["a.jpg", "folder.png/b.jpg"])
    os.mkfifo(tmp_path / "pipe.jpg")
    scan = scan_folder(tmp_path)
    assert scan.images.ids == ("a.jpg", "folder.png/b.jpg")
    assert reasons(scan) == {"pipe.jpg": "is not a regular file"}


def test_an_unreadable_folder_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, ["a.jpg", "closed/b.jpg"])
    list_folder = os.scandir

    def refuse(path: str | Path) -> object:  # permissions can't be tested as root
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied")
        return list_folder(path)

    monkeypatch.setattr(os, "scandir", refuse)
    scan = scan_folder(tmp_path)
    assert scan.images.ids == ("a.jpg",)
    assert "Permission denied" in reasons(scan)["closed"]


def test_deep_nesting(tmp_path: Path) -> None:
    folders = [tmp_path]
    try:
        for _ in range(1050):  # more than Python's recursion limit, less than the system's for a path
            folders.append(folders[-1] / "d")
            folders[-1].mkdir()
        fill(folders[-1], ["a.jpg"])
        assert len(scan_folder(tmp_path).images) == 1
    finally:  # pytest clears its folders with shutil.rmtree, which recurses
        (folders[-1] / "a.jpg").unlink(missing_ok=True)
        for folder in reversed(folders[1:]):
            folder.rmdir()


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(RunnerError, match=r"nowhere can't be opened \(No such file"):
        scan_folder(tmp_path / "nowhere")


def test_a_file_in_place_of_a_folder(tmp_path: Path) -> None:
    fill(tmp_path, ["a.jpg"])
    with pytest.raises(RunnerError, match=r"a\.jpg is a file"):
        scan_folder(tmp_path / "a.jpg")


def test_no_image_says_what_is_there(tmp_path: Path) -> None:
    fill(tmp_path, ["a.txt", "b/c.mp4"])
    (tmp_path / "broken.jpg").symlink_to("nowhere")
    with pytest.raises(RunnerError, match=r"2 other files and 1 that.* broken\.jpg, .*JPEG, PNG.*\.webp") as caught:
        scan_folder(tmp_path)
    assert str(tmp_path) in str(caught.value)
