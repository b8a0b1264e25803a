"""Manifests and results that someone else wrote: nothing is written, moved or removed but where the user's own were."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from runner.cli import main
from runner.errors import RunnerError
from runner.export.config import ExportConfig, How
from runner.export.export import export_clusters
from runner.export.ledger import ledger_folder
from runner.export.undo import UnknownManifestError, undo_export
from tests.export.finished_results import snapshot, write_finished
from tests.report.experiments import image_names


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return write_finished(tmp_path, image_names(12), clusters=2)


@pytest.fixture
def moved(results: Path, tmp_path: Path) -> Path:
    """A folder that all images were moved to."""
    export_clusters(ExportConfig(results=results, to=tmp_path / "sorted", how=How.MOVE))
    return tmp_path / "sorted"


def _rewrite(folder: Path, change: Callable[[list[dict[str, Any]]], None]) -> None:
    """Change the manifest as somebody else may."""
    path = folder / "manifest.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    change(lines)
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def _first_image(lines: list[dict[str, Any]]) -> dict[str, Any]:
    return next(line["image"] for line in lines if "image" in line)


def _as_earlier_version(lines: list[dict[str, Any]]) -> None:
    del lines[0]["root"]


def test_an_own_manifest_is_known_wherever_its_folder_goes_until_it_is_undone(moved: Path, tmp_path: Path) -> None:
    entries = set(ledger_folder().iterdir())
    elsewhere = tmp_path / "renamed"
    moved.rename(elsewhere)
    assert undo_export(elsewhere).restored == 12
    assert len(entries - set(ledger_folder().iterdir())) == 1
    (elsewhere / "manifest-undone.jsonl").rename(elsewhere / "manifest.jsonl")
    with pytest.raises(UnknownManifestError):
        undo_export(elsewhere)


def test_an_unknown_manifest_is_listed_and_nothing_is_done(
    moved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "images" / "planted.png"

    def plant(lines: list[dict[str, Any]]) -> None:
        _first_image(lines)["source"] = str(target)

    _rewrite(moved, plant)
    before = snapshot(tmp_path)
    assert main(["undo", str(moved)]) == 1
    told = capsys.readouterr()
    assert f"write       {target}" in told.out
    assert told.out.count("write       ") == 12
    assert "--trust" in told.err
    assert snapshot(tmp_path) == before
    assert main(["undo", str(moved), "--trust"]) == 0
    assert target.is_file()


@pytest.mark.parametrize("place", ["outside/x.png", "images/../outside/x.png", "images/link/x.png"])
def test_nothing_is_written_outside_of_the_root_even_when_trusted(moved: Path, tmp_path: Path, place: str) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x.png").touch()  # an empty file, which an undo takes for one of its own that was begun
    (tmp_path / "images" / "link").symlink_to(tmp_path / "outside")

    def lead_out(lines: list[dict[str, Any]]) -> None:
        _first_image(lines).update(source=f"{tmp_path}/{place}", mode=0o6777)

    _rewrite(moved, lead_out)
    before = snapshot(tmp_path / "outside")
    assert main(["undo", str(moved), "--trust"]) == 1
    assert snapshot(tmp_path / "outside") == before


@pytest.mark.parametrize("target", ["../x.png", "/x.png", "cluster_000\\..\\..\\x.png", "a\0b"])
def test_targets_stay_in_the_folder(moved: Path, target: str) -> None:
    _rewrite(moved, lambda lines: _first_image(lines).update(target=target))
    with pytest.raises(RunnerError, match="leads out of"):
        undo_export(moved, trust=True)


def test_a_manifest_of_an_earlier_version_works_when_trusted(moved: Path, tmp_path: Path) -> None:
    _rewrite(moved, _as_earlier_version)
    with pytest.raises(UnknownManifestError):
        undo_export(moved)
    assert undo_export(moved, trust=True).restored == 12


@pytest.mark.parametrize(
    "broken",
    [
        {"size": "x"},
        {"mode": None},
        {"source": 7},
        {"source": "/a\0b"},
    ],
)
def test_damaged_manifests_are_refused_in_a_sentence(moved: Path, broken: dict[str, Any]) -> None:
    _rewrite(moved, lambda lines: _first_image(lines).update(broken))
    with pytest.raises(RunnerError, match=r"manifest\.jsonl is damaged"):
        undo_export(moved, trust=True)


def test_a_manifest_that_is_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "manifest.jsonl")
    with pytest.raises(RunnerError, match="no regular file"):
        undo_export(tmp_path)


def test_an_unfinished_manifest_needs_no_trust_as_nothing_was_begun(moved: Path, tmp_path: Path) -> None:
    text = (moved / "manifest.jsonl").read_text()
    (moved / "manifest.jsonl").write_text(text[:-40])
    before = snapshot(moved / "cluster_000")
    undo_export(moved)
    assert snapshot(moved / "cluster_000") == before


def test_no_link_leads_an_undo_to_empty_folders_elsewhere(results: Path, tmp_path: Path) -> None:
    to, victim = tmp_path / "sorted", tmp_path / "victim"
    export_clusters(ExportConfig(results=results, to=to))
    (victim / "empty").mkdir(parents=True)
    (to / "door").symlink_to(victim)

    def add(lines: list[dict[str, Any]]) -> None:
        lines.append({"folder": "door/empty"})
        lines[0]["lines"] += 1

    _rewrite(to, add)
    undo_export(to, trust=True)
    assert (victim / "empty").is_dir()


def test_control_characters_of_a_strangers_manifest_do_not_reach_the_terminal(
    moved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _rewrite(moved, lambda lines: _first_image(lines).update(source=f"{tmp_path}/images/\x1b[2J\nx.png"))
    assert main(["undo", str(moved)]) == 1
    assert "\x1b" not in capsys.readouterr().out


def test_an_export_that_can_not_be_remembered_says_how_it_is_undone(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "no folder").touch()
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "no folder"))
    assert main(["export", str(results), "--to", str(tmp_path / "sorted")]) == 0
    assert f"runner undo {tmp_path / 'sorted'} --trust" in capsys.readouterr().out
    assert main(["undo", str(tmp_path / "sorted"), "--trust"]) == 0


def _rename_first_image(results: Path, name: str) -> None:
    """Have ``labels.parquet`` call the first image something else, as foreign results may."""
    table = pq.read_table(results / "labels.parquet")
    names = [name, *table["path"].to_pylist()[1:]]
    pq.write_table(table.set_column(0, "path", pa.array(names)), results / "labels.parquet")


@pytest.mark.parametrize("name", ["../secret.png", "folder 0/../../secret.png", "{absolute}"])
def test_results_that_name_a_file_elsewhere_take_nothing_from_there(results: Path, tmp_path: Path, name: str) -> None:
    secret = tmp_path / "secret.png"
    shutil.copy(next((tmp_path / "images").rglob("*.png")), secret)
    _rename_first_image(results, name.format(absolute=secret))
    before = snapshot(tmp_path)
    with pytest.raises(RunnerError, match="use --how copy"):
        export_clusters(ExportConfig(results=results, to=tmp_path / "sorted", how=How.MOVE))
    assert main(["duplicates", "--in", str(results), "--method", "exact", "--out", str(tmp_path / "found")]) == 1
    assert main(["similar", "folder 1/image-001.png", "--in", str(results), "--collect", "copy"]) == 1
    added = set(snapshot(tmp_path)) - set(before)
    assert not [path for path in added if Path(path).name in ("keep.txt", "drop.txt", "manifest.jsonl")]
    assert secret.is_file()


def test_nothing_is_moved_out_of_a_folder_that_a_link_leads_to(results: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (tmp_path / "images" / "folder 0").rename(elsewhere)
    (tmp_path / "images" / "folder 0").symlink_to(elsewhere)
    before = snapshot(elsewhere)
    exported = export_clusters(ExportConfig(results=results, to=tmp_path / "sorted", how=How.MOVE))
    assert snapshot(elsewhere) == before
    assert {image.reason.split(",")[0].split(" of ")[0] for image in exported.skipped} == {"lies outside"}
    assert len(exported.skipped) == len(before)
