"""Exports of images that are links, or further names of files: nothing beyond the name in the folder is touched."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runner.export.config import ExportConfig, How
from runner.export.export import export_clusters
from runner.export.undo import undo_export
from tests.export.finished_results import write_finished
from tests.report.experiments import image_names

N_IMAGES = 20


def entries(folder: Path) -> dict[str, tuple[str, str | bytes, int]]:
    """What every name below ``folder`` is: a link and what it says, or a file, its bytes and its number of names."""
    return {
        path.relative_to(folder).as_posix(): ("link", os.fspath(path.readlink()), 1)
        if path.is_symlink()
        else ("file", path.read_bytes(), path.stat().st_nlink)
        for path in folder.rglob("*")
        if path.is_symlink() or path.is_file()
    }


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """``images``: links into ``store``, absolute and relative ones in turn, and one real file."""
    write_finished(tmp_path, image_names(N_IMAGES))
    for number, name in enumerate(image_names(N_IMAGES)[1:]):
        image, stored = tmp_path / "images" / name, tmp_path / "store" / f"{number:032x}"
        stored.parent.mkdir(exist_ok=True)
        image.rename(stored)
        image.symlink_to(stored if number % 2 else os.path.relpath(stored, image.parent))
    return tmp_path


@pytest.mark.parametrize("how", list(How))
def test_every_way_leaves_the_store_alone_and_is_undone(place: Path, how: How) -> None:
    images, store, to = entries(place / "images"), entries(place / "store"), place / "deep" / "er" / "export"
    content = {name: (place / "images" / name).read_bytes() for name in images}
    exported = export_clusters(ExportConfig(results=place / "results", to=to, how=how))
    assert len(exported.images) == N_IMAGES and not exported.skipped
    for image in exported.images:
        placed, original = to / image.target, images[image.id]
        assert placed.read_bytes() == content[image.id]
        assert placed.is_symlink() == (how is How.SYMLINK or (how is How.MOVE and original[0] == "link"))
        if how is How.SYMLINK:
            assert placed.readlink() == (place / "images" / image.id).resolve()
    assert {name: kept[:2] for name, kept in entries(place / "store").items()} == {
        name: kept[:2] for name, kept in store.items()
    }
    assert entries(place / "images").keys() == (set() if how is How.MOVE else images.keys())
    undone = undo_export(to)
    assert not undone.kept
    assert entries(place / "images") == images
    assert entries(place / "store") == store


def test_an_undo_stopped_halfway_is_finished_by_the_next(place: Path) -> None:
    images, to = entries(place / "images"), place / "export"
    exported = export_clusters(ExportConfig(results=place / "results", to=to, how=How.MOVE))
    linked = next(image for image in exported.images if images[image.id][0] == "link")
    assert linked.path is not None
    linked.path.symlink_to(str(images[linked.id][1]))  # made anew, and then the power failed
    assert not undo_export(to).kept
    assert entries(place / "images") == images


def test_a_moved_link_that_was_changed_since_is_kept(place: Path) -> None:
    images, to = entries(place / "images"), place / "export"
    exported = export_clusters(ExportConfig(results=place / "results", to=to, how=How.MOVE))
    first, second = [image for image in exported.images if images[image.id][0] == "link"][:2]
    assert second.path is not None
    (to / first.target).unlink()
    (to / first.target).symlink_to(place / "elsewhere")
    second.path.write_bytes(b"something new")
    kept = undo_export(to).kept
    assert [one.path for one in kept] == [to / first.target, to / second.target]
    assert second.path.read_bytes() == b"something new"


def test_links_that_lead_nowhere_are_left_out_with_their_reason(place: Path) -> None:
    for path in (place / "store").iterdir():
        path.unlink()
    exported = export_clusters(ExportConfig(results=place / "results", to=place / "export", how=How.MOVE))
    assert len(exported.images) == 1
    assert {one.reason for one in exported.skipped} == {"can't be found any more: No such file or directory"}


def test_all_names_of_a_file_are_exported(tmp_path: Path) -> None:
    from runner.images.image_set import ImageSet
    from runner.images.same_file import distinct_files
    from runner.results.files import read_labels, read_paths, read_summary, write_results

    out = write_finished(tmp_path, image_names(N_IMAGES))
    summary, ids = read_summary(out), read_paths(out)
    root = tmp_path / "images"
    (root / "also.png").symlink_to(ids[3])
    (root / "hard.png").hardlink_to(root / ids[4])
    names = (*ids, "also.png", "hard.png")
    images = distinct_files(ImageSet(names, tuple(root / name for name in names), root))
    labels = {trial.id: read_labels(out, trial.id) for trial in summary.trials if trial.scores}
    recorded = summary.images.model_copy(update={"same_file": images.same_file})
    config = (out / "config.yaml").read_text()
    write_results(out, summary.model_copy(update={"images": recorded}), images, labels.__getitem__, config)
    before = entries(root)
    exported = export_clusters(ExportConfig(results=out, to=tmp_path / "export", how=How.MOVE))
    assert {image.id for image in exported.images} == set(names)
    folder_of = {image.id: image.name for image in exported.images}
    assert folder_of["also.png"] == folder_of[ids[3]] and folder_of["hard.png"] == folder_of[ids[4]]
    assert not undo_export(tmp_path / "export").kept
    assert entries(root) == before
