"""Earlier results are moved aside; what is not ours is never touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.errors import RunnerError
from runner.report.inputs import Results
from runner.report.outputs import write_outputs
from runner.results.archive import archive_previous, check_out, fingerprint_of
from runner.results.files import read_summary, write_results
from runner.results.state import begin, finish
from tests.report.experiments import image_names, make_results


def _experiment(fingerprint: str, tmp_path: Path) -> Results:
    return make_results(tmp_path / "images", image_names(8), keys=("model-224-letterbox-aa",), fingerprint=fingerprint)


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _write(out: Path, results: Results) -> Path | None:
    """The result files alone, as ``write_outputs`` starts and ends."""
    archived = archive_previous(out, results.summary.experiment.fingerprint)
    begin(out, results.summary.experiment.fingerprint)
    write_results(out, results.summary, results.images, results.labels, results.config_yaml)
    finish(out, results.summary, 0, ())
    return archived


def test_results_of_another_experiment_are_moved_whole(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_outputs(out, _experiment("a" * 32, tmp_path), top=2, show_progress=False)
    ours = _contents(out)
    assert {name.split("/")[0] for name in ours} >= {"summary.json", "plots", "rank_02_kmeans", "report.html"}
    (out / "notes.txt").write_text("mine")
    (out / "mlflow.db").write_text("the tracker's")
    written = write_outputs(out, _experiment("b" * 32, tmp_path), top=1, show_progress=False)
    archive = out / "previous" / ("a" * 12)
    assert written.archived == archive
    assert _contents(archive) == ours
    assert (out / "notes.txt").read_text() == "mine"
    assert (out / "mlflow.db").exists()
    assert read_summary(archive).experiment.fingerprint == "a" * 32
    assert read_summary(out).experiment.fingerprint == "b" * 32
    assert sorted(path.name for path in out.glob("rank_*")) == ["rank_01_kmeans"]


def test_same_experiment_is_not_moved(tmp_path: Path) -> None:
    out = tmp_path / "out"
    _write(out, _experiment("a" * 32, tmp_path))
    assert archive_previous(out, "a" * 32) is None
    assert not (out / "previous").exists()


def test_archives_never_overwrite_each_other(tmp_path: Path) -> None:
    out = tmp_path / "out"
    folders = [_write(out, _experiment(letter * 32, tmp_path)) for letter in "abab"]
    assert [folder and folder.name for folder in folders] == [None, "a" * 12, "b" * 12, "a" * 12 + "-2"]


@pytest.mark.parametrize("name", ["config.yaml", "summary.json", "labels.parquet", "plots", "report.html"])
def test_foreign_files_of_our_names_are_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("precious")
    with pytest.raises(RunnerError, match=f"holds {name} of unknown origin"):
        check_out(tmp_path)
    with pytest.raises(RunnerError):
        write_outputs(tmp_path, make_results(None, image_names(4)), top=1, show_progress=False)
    assert _contents(tmp_path) == {name: b"precious"}


def test_fresh_and_unrelated_folders_are_fine(tmp_path: Path) -> None:
    check_out(tmp_path / "new")
    (tmp_path / "holiday.jpg").write_text("photo")
    (tmp_path / "rank_01_mine").mkdir()
    check_out(tmp_path)
    assert archive_previous(tmp_path, "a" * 32) is None
    assert archive_previous(tmp_path / "new", "a" * 32) is None


def test_file_as_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(RunnerError, match="is a file"):
        check_out(tmp_path / "out")


def test_results_without_state_file_are_known_by_their_summary(tmp_path: Path) -> None:
    _write(tmp_path, make_results(None, image_names(4), fingerprint="c" * 32))
    (tmp_path / ".imagesweep.json").unlink()
    assert fingerprint_of(tmp_path) == "c" * 32
    archive = archive_previous(tmp_path, "d" * 32)
    assert archive is not None
    assert (archive / "summary.json").is_file()


def test_fingerprint_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    out = tmp_path / "out"
    _write(out, make_results(None, image_names(4), fingerprint="../../../evil"))
    archive = archive_previous(out, "d" * 32)
    assert archive is not None
    assert archive.parent == out / "previous"


def test_half_written_results_are_ours(tmp_path: Path) -> None:
    results = make_results(None, image_names(4), fingerprint="e" * 32)
    _write(tmp_path, results)
    (tmp_path / "summary.json").unlink()
    check_out(tmp_path)
    assert fingerprint_of(tmp_path) == "e" * 32
