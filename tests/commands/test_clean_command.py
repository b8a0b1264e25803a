"""``runner clean`` deletes what nobody needs any more, in folders that are ours, and nothing else."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
import pytest

from runner.cli import main
from runner.cluster.geometry_files import save_array
from runner.report.closing_lines import work_lines
from runner.results.files import write_results
from runner.results.lock import sole_writer
from runner.results.state import begin, finish
from runner.results.work_folder import unused_work
from runner.utils.checked_files import checksum_path, write_checked
from tests.report.experiments import KEYS, image_names, make_results

CURRENT, OLD = f"{KEYS[0]}-{'a' * 16}", f"{KEYS[0]}-{'b' * 16}"
OTHER_MODEL = f"other-{'c' * 16}"
JOURNAL = "journal-0123"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Results with matrices, geometries and a journal, and what killed processes left."""
    out = tmp_path / "results"
    results = make_results(None, image_names(9), keys=KEYS[:1])
    out.mkdir()
    begin(out, results.summary.experiment.fingerprint)
    write_results(out, results.summary, results.images, results.labels, results.config_yaml)
    finish(out, results.summary, 0, ())
    work = out / ".work"
    for name in (CURRENT, OLD, OTHER_MODEL):
        write_checked(work / name / "none-7" / "geometry.json", b"{}")
    for name in (CURRENT, OTHER_MODEL):
        save_array(work / f"{name}.npy", np.zeros((9, 4), np.float32))
    write_checked(work / JOURNAL / "kmeans-1.npz", b"record")
    (work / "writer.lock").touch()
    return out


def leave_behind(out: Path) -> list[Path]:
    left = [
        out / ".partial-0123456789abcdef.json",
        out / ".work" / CURRENT / "none-7" / ".partial-1.npy",
        out / "rank_01_kmeans" / "clusters" / ".partial-2.jpg",
        out / ".rank_01_kmeans.123.tmp",
    ]
    for path in left:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half")
        os.utime(path, (1, 1))
    return left


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def clean(*arguments: object) -> int:
    return main(["clean", *map(str, arguments)])


def test_by_default_leftovers_and_work_for_other_images(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    left = leave_behind(out)
    (out / ".work" / "mine.txt").write_text("mine")
    before = names(out)
    assert clean(out, "--dry-run") == 0
    told = capsys.readouterr().out
    assert names(out) == before
    assert clean(out) == 0
    assert capsys.readouterr().out == told.replace("would delete", "deleted").replace("would be free", "are free")
    gone = {path.relative_to(out).as_posix() for path in left}
    gone |= {f".work/{OTHER_MODEL}.npy", f".work/{OTHER_MODEL}.npy.checksum"}
    gone |= {name for name in before if name.startswith((f".work/{OLD}", f".work/{OTHER_MODEL}/"))}
    gone |= {f".work/{OTHER_MODEL}"}
    assert before - names(out) == gone
    assert clean(out) == 0
    assert capsys.readouterr().out == f"nothing to delete in {out}\n"


def test_all_leaves_the_results(out: Path) -> None:
    leave_behind(out)
    results = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file() and "partial" not in path.name}
    assert clean(out, "--all") == 0
    assert names(out / ".work") == {"writer.lock"}
    assert {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()} == {
        name: content for name, content in results.items() if not name.endswith(".tmp")
    }


def test_unfinished_results_lose_only_geometries_without_vectors(out: Path) -> None:
    (out / "summary.json").unlink()
    assert unused_work(out) == [out / ".work" / OLD]


@pytest.mark.parametrize("kind", ["nothing", "a file", "empty", "somebody's"])
def test_folders_that_are_not_ours_are_refused(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "folder"
    if kind == "a file":
        folder.write_text("mine")
    elif kind != "nothing":
        folder.mkdir()
    if kind == "somebody's":
        (folder / ".work").mkdir()
        (folder / ".partial-1").write_text("mine")
        os.utime(folder / ".partial-1", (1, 1))
    before = names(tmp_path)
    assert clean(folder, "--all") == 1
    assert "is not a results folder" in capsys.readouterr().err
    assert names(tmp_path) == before


def test_a_running_experiment_is_waited_for(out: Path) -> None:
    waiting, said = threading.Event(), []

    def say(line: str) -> None:
        said.append(line)
        waiting.set()

    def take_turn() -> None:
        with sole_writer(out, say):
            said.append("its turn")

    with sole_writer(out, print):
        other = threading.Thread(target=take_turn)
        other.start()
        assert waiting.wait(30)
        assert said == [f"waiting     for another experiment that writes to {out}"]
    other.join(30)
    assert said[-1] == "its turn"


def test_much_work_is_mentioned(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert work_lines(out) == []
    monkeypatch.setattr("runner.report.closing_lines.MUCH_WORK", 100)
    (line,) = work_lines(out)
    assert f"`runner clean {out}` frees that" in line
    assert clean(out) == 0
    (line,) = work_lines(out)
    assert "runner clean" not in line


def test_checksums_go_with_their_files(out: Path) -> None:
    assert clean(out) == 0
    for path in (out / ".work").rglob("*.checksum"):
        assert Path(str(path).removesuffix(".checksum")).exists()
    assert checksum_path(out / ".work" / f"{CURRENT}.npy").exists()
