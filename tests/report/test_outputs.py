"""Everything together: all that an experiment leaves behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.report.outputs import write_outputs
from runner.report.ranking_lines import ranking_lines
from runner.results.files import read_summary, write_summary
from runner.results.paths import STATE
from runner.results.state import finish, outputs_complete
from tests.report.experiments import KEYS, image_names, make_results


def test_everything_is_there_and_known_to_be_complete(tmp_path: Path) -> None:
    results = make_results(tmp_path / "images", image_names(24), targets=["folder 0/image-003.png"])
    out = tmp_path / "out"
    summary = results.summary
    assert not outputs_complete(out, summary, 2, results.targets)
    written = write_outputs(out, results, top=2, show_progress=False)
    assert [folder.name for folder in written.folders] == ["rank_01_kmeans", "rank_02_kmeans"]
    assert set(written.seconds) == {
        "result files", "best trials", "thumbnails", "contact sheets", "plots", "maps", "report",
    }  # fmt: skip
    expected = {"comparison.png", *(f"map_{key}.{suffix}" for key in KEYS for suffix in ("png", "parquet"))}
    expected |= {f"rank_0{rank}_{kind}.png" for rank in (1, 2) for kind in ("cluster_sizes", "silhouettes")}
    assert {path.name for path in (out / "plots").iterdir()} == expected
    assert outputs_complete(out, summary, 2, results.targets)
    assert not outputs_complete(out, summary, 3, results.targets)
    assert not outputs_complete(out, summary, 2)
    assert not [path for path in out.rglob(".*") if path.name != STATE]

    warm = summary.model_copy(update={"seconds": {"embed": 0.1}})
    assert outputs_complete(out, warm, 2, results.targets)
    logged = summary.experiment.model_copy(update={"mlflow_run_id": "abc"})
    write_summary(out, summary.model_copy(update={"experiment": logged}))
    finish(out, summary, 2, results.targets)
    assert outputs_complete(out, summary, 2, results.targets)

    (out / "rank_02_kmeans" / "overview.jpg").unlink()
    assert not outputs_complete(out, summary, 2, results.targets)
    write_outputs(out, results, top=1, show_progress=False)
    assert not (out / "rank_02_kmeans").exists()
    assert not (out / "plots" / "rank_02_silhouettes.png").exists()
    assert outputs_complete(out, summary, 1, results.targets)


def test_interrupted_outputs_are_not_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = make_results(None, image_names(8))
    write_outputs(tmp_path, results, top=1, show_progress=False)

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("runner.report.outputs.write_report", fail)
    with pytest.raises(KeyboardInterrupt):
        write_outputs(tmp_path, results, top=1, show_progress=False)
    assert not outputs_complete(tmp_path, results.summary, 1)
    assert read_summary(tmp_path) == results.summary


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("has_files", [True, False])
def test_few_images(n: int, has_files: bool, tmp_path: Path) -> None:
    results = make_results(tmp_path / "images" if has_files else None, image_names(n), keys=KEYS[:1], clusters=(1, 2))
    write_outputs(tmp_path / "out", results, top=5, show_progress=False)
    assert outputs_complete(tmp_path / "out", results.summary, 5)
    assert len(list((tmp_path / "out").glob("rank_*"))) == 2


def test_no_trial_at_all(tmp_path: Path) -> None:
    results = make_results(None, image_names(5), clusters=(), failed=0, keys=KEYS[:1])
    write_outputs(tmp_path, results, top=5, show_progress=False)
    assert (tmp_path / "report.html").is_file()
    assert not list(tmp_path.glob("rank_*"))


def test_files_that_went_missing_are_reported(tmp_path: Path) -> None:
    results = make_results(tmp_path / "images", image_names(9), keys=KEYS[:1], clusters=(2,))
    results.images.paths[4].unlink()
    written = write_outputs(tmp_path / "out", results, top=1, show_progress=False)
    assert list(written.unreadable) == [results.images.ids[4]]
    assert "1 image file could no longer be read" in (tmp_path / "out" / "report.html").read_text("utf-8")


def test_ranking_for_the_terminal() -> None:
    summary = make_results(None, image_names(20)).summary
    lines = ranking_lines(summary, top=2)
    assert len(lines) == 3
    assert [line.split()[0] for line in lines[1:]] == ["1", "2"]
    assert "kmeans (n_clusters=5" in lines[1]
