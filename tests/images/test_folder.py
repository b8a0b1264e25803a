"""Scanning folders, kind ones and hostile ones."""

from __future__ import annotations

import io
import json
import os
import random
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

from runner.errors import RunnerError
from runner.images.folder import MOST_NAMES_OF_A_FOLDER, FolderScan, scan_folder
from runner.images.kinds import KIND_BY_ENDING
from runner.images.left_out import unread_note
from runner.images.readable_kinds import why_unreadable


def fill(root: Path, names: Iterable[str]) -> None:
    for name in names:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")


def reasons(scan: FolderScan) -> dict[str, str]:
    return {skipped.path: skipped.reason for skipped in scan.skipped}


def test_every_suffix_in_any_case(tmp_path: Path) -> None:
    endings = [ending for ending, kind in KIND_BY_ENDING.items() if why_unreadable(kind) is None]
    names = [f"a{ending}" for ending in endings] + [f"b{ending.upper()}" for ending in endings]
    fill(tmp_path, [*names, "notes.txt", "clip.MP4", "jpg", "a.jpg.part", "minutes.2024 final"])
    scan = scan_folder(tmp_path)
    assert scan.images.ids == tuple(sorted(names))
    assert scan.unread_kinds == {".mp4": 1, ".part": 1, ".txt": 1, "unknown": 2}
    assert scan.skipped == ()


def test_content_decides_where_the_ending_says_nothing(tmp_path: Path) -> None:
    png = io.BytesIO()
    Image.new("RGB", (4, 4)).save(png, "PNG")
    for name in ("no ending", "wrong.psd", "a.jpg.part", "hash.8f14e45f", ".hidden"):
        (tmp_path / name).write_bytes(png.getvalue())
    (tmp_path / "photoshop").write_bytes(b"8BPS\0\1" + bytes(60))
    (tmp_path / "scan").write_bytes(b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(60))
    (tmp_path / "drawing.svg").write_bytes(b"<?xml version='1.0'?><svg/>")
    (tmp_path / "paper").write_bytes(b"%PDF-1.7")
    (tmp_path / "film.mp4").write_bytes(png.getvalue())  # known endings of other kinds are believed
    scan = scan_folder(tmp_path)
    assert scan.images.ids == ("a.jpg.part", "hash.8f14e45f", "no ending", "wrong.psd")
    assert reasons(scan).keys() == {"photoshop", "scan", "drawing.svg"}
    assert "Photoshop" in reasons(scan)["photoshop"] and "JPEG 2000" in reasons(scan)["scan"]
    assert scan.unread_kinds == {".mp4": 1, "PDF": 1}


@pytest.mark.parametrize(("kinds", "note"), [({}, ""), ({".txt": 1}, "1 file is no picture: 1 .txt")])
def test_what_was_left_out_in_words(kinds: dict[str, int], note: str) -> None:
    assert unread_note(kinds) == note


def test_only_files_of_unknown_endings_are_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, ["a.jpg", "b.txt", "c.dat", "d"])
    opened = []
    open_file = Path.open
    monkeypatch.setattr(
        Path, "open", lambda path, *args, **more: opened.append(path.name) or open_file(path, *args, **more)
    )
    scan_folder(tmp_path)
    assert sorted(opened) == ["c.dat", "d"]


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


@pytest.fixture
def linked(tmp_path: Path) -> Path:
    """A folder with links of every kind."""
    root = tmp_path / "root"
    fill(tmp_path, ["root/real/a.jpg", "outside/b.jpg", "outside/deep/c.jpg", "store/8f14e45f"])
    (root / "inner.jpg").symlink_to(root / "real" / "a.jpg")
    (root / "outer.jpg").symlink_to(tmp_path / "outside" / "b.jpg")
    (root / "stored.jpg").symlink_to(Path("..", "store", "8f14e45f"))
    (root / "broken.jpg").symlink_to(root / "nothing.jpg")
    (root / "circle.jpg").symlink_to(root / "circle.jpg")
    (root / "way_out").symlink_to(tmp_path / "outside", target_is_directory=True)
    (root / "real" / "loop").symlink_to(root, target_is_directory=True)
    (root / "same").symlink_to(root / "real", target_is_directory=True)
    return root


def test_links_to_files_are_followed_wherever_they_lead(linked: Path) -> None:
    scan = scan_folder(linked)
    assert scan.images.names == ("inner.jpg", "real/a.jpg", "outer.jpg", "stored.jpg")
    assert scan.images.same_file == [["inner.jpg", "real/a.jpg"]]
    assert [path.relative_to(linked).as_posix() for path in scan.images.name_paths] == list(scan.images.names)
    assert {name: reason.split(",")[0] for name, reason in reasons(scan).items()} == {
        "broken.jpg": "is a link that leads nowhere",
        "circle.jpg": "is a link that leads nowhere",
        "way_out": "is a link to a folder",
    }


def test_links_to_folders_are_followed_where_asked_for_and_circles_are_noticed(linked: Path) -> None:
    scan = scan_folder(linked, follow_links=True)
    assert set(scan.images.names) == {
        *("inner.jpg", "real/a.jpg", "same/a.jpg"),
        *("outer.jpg", "stored.jpg", "way_out/b.jpg", "way_out/deep/c.jpg"),
    }
    assert scan.images.same_file == [["inner.jpg", "real/a.jpg", "same/a.jpg"], ["outer.jpg", "way_out/b.jpg"]]
    circles = {name for name, reason in reasons(scan).items() if "holds itself" in reason}
    assert circles == {"real/loop", "same/loop"}


def test_a_link_to_a_folder_above_the_root_comes_to_an_end(tmp_path: Path) -> None:
    fill(tmp_path, ["root/a.jpg", "beside/b.jpg"])
    (tmp_path / "root" / "up").symlink_to("..", target_is_directory=True)
    scan = scan_folder(tmp_path / "root", follow_links=True)
    assert scan.images.names == ("a.jpg", "up/beside/b.jpg")
    assert "holds itself" in reasons(scan)["up/root"]


def test_folders_full_of_links_to_each_other_take_no_forever(tmp_path: Path) -> None:
    folders = [tmp_path / f"f{number:02d}" for number in range(14)]
    for folder in folders:
        fill(folder, ["a.jpg"])
    for folder in folders:
        for other in folders:
            (folder / f"to_{other.name}").symlink_to(other, target_is_directory=True)
    images = scan_folder(tmp_path, follow_links=True).images
    assert {f"{folder.name}/a.jpg" for folder in folders} <= set(images.names)
    assert len(images) == len(folders)
    assert max(map(len, images.same_file)) <= MOST_NAMES_OF_A_FOLDER + 1


def test_hard_links_are_names_of_one_file_and_copies_are_not(tmp_path: Path) -> None:
    fill(tmp_path, ["a.jpg", "copy.jpg"])
    (tmp_path / "z").mkdir()
    (tmp_path / "z" / "hard.jpg").hardlink_to(tmp_path / "a.jpg")
    images = scan_folder(tmp_path, labels=True).images
    assert images.ids == ("a.jpg", "copy.jpg")
    assert images.same_file == [["a.jpg", "z/hard.jpg"]]
    assert images.labels == (None, None)  # of two names in different folders, neither has the say


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
    said = r"2 files are no pictures: 1 \.mp4, 1 \.txt; 1 had to be skipped, such as broken\.jpg, .*JPEG, PNG"
    with pytest.raises(RunnerError, match=said) as caught:
        scan_folder(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_a_folder_of_links_into_a_store_is_found_whole(tmp_path: Path) -> None:
    """As git-annex, DVC and the caches of model hubs lay them out: names are links, files are called by their hash."""
    root = tmp_path / "photos"
    root.mkdir()
    for number in range(2015):
        stored = tmp_path / "store" / f"{number % 7}" / f"SHA256E-{number}"
        stored.parent.mkdir(parents=True, exist_ok=True)
        stored.write_bytes(b"%d" % number)
        (root / f"{number}.jpg").symlink_to(os.path.relpath(stored, root))
    scan = scan_folder(root)
    assert len(scan.images) == 2015
    assert scan.skipped == () and scan.images.same_file == []


def test_what_cannot_be_looked_at_is_skipped_with_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, ["a.jpg", "odd"])
    (tmp_path / "far.jpg").symlink_to("d/" * 2000 + "x.jpg")  # a path that is too long
    read = os.open

    def refuse(path: str | Path, flags: int, *args: int, **more: int) -> int:  # permissions can't be tested as root
        if Path(path).name == "odd":
            raise PermissionError(13, "Permission denied")
        return read(path, flags, *args, **more)

    monkeypatch.setattr("runner.images.folder.read_head", lambda path: os.close(refuse(path, os.O_RDONLY)) or b"")
    scan = scan_folder(tmp_path)
    assert scan.images.ids == ("a.jpg",)
    assert reasons(scan)["odd"] == "can't be opened: Permission denied"
    assert reasons(scan)["far.jpg"].startswith("is a link")
