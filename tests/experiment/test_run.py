"""The main job, end to end, on real images with real weights: as a user runs it, twice, grown, killed, and misused."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
import pytest
import yaml
from sklearn.metrics import adjusted_mutual_info_score

import runner
from runner.cli import main
from runner.images.demo_images import write_demo_images
from runner.results.files import read_summary
from runner.results.state import changed_outputs
from tests.needs import unavailable

GRID = {
    "kmeans": [{"n_clusters": [4, 8]}],
    "agglomerative": [{"linkage": "average", "n_clusters": [4, 8]}],
    "hdbscan": [{"min_cluster_size": 3, "min_samples": [2, 4]}],
    "threshold": [{"similarity": {"merge_quantiles": [0.5, 0.8]}}],
}
TRIALS = 8
METRIC_HISTORY = """select key, step, count(*) from metrics
                    where run_uuid = ? and key not like 'stage/%' group by key, step"""


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """48 images of eight kinds, one of them in a folder with an odd name."""
    everything = tmp_path_factory.mktemp("demo") / "images"
    write_demo_images(everything)
    folder = tmp_path_factory.mktemp("photos")
    kinds = sorted({path.parent for path in everything.rglob("*") if path.is_file()})[::3][:8]
    for number, kind in enumerate(kinds):
        target = folder / ("odd näme & co" if number == 3 else kind.name)
        target.mkdir()
        for path in sorted(kind.iterdir())[:6]:
            shutil.copy(path, target / path.name)
    return folder


def config_for(photos: Path, out: Path, cache: Path, **changes: object) -> runner.ExperimentConfig:
    settings = {
        "images": photos,
        "models": ["efficientnet_lite0"],
        "resolutions": [96],
        "labels": "folder",
        "sweep": GRID,
        "out": out,
        "cache_dir": cache,
        "top": 2,
        "random_state": 7,
        **changes,
    }
    return runner.ExperimentConfig.model_validate(settings)


def as_command(config: runner.ExperimentConfig, folder: Path) -> list[str]:
    settings = config.model_dump(mode="json", exclude_none=True)
    file = folder / "settings.yaml"
    file.write_text(yaml.safe_dump(settings, sort_keys=False))
    return [sys.executable, "-m", "runner", "experiment", "--config", str(file)]


def mlflow_runs(out: Path) -> dict[str, tuple[str, frozenset]]:
    """Status and metric history of each run, by its name."""
    with sqlite3.connect(out / "mlflow.db") as database:
        runs = database.execute("select run_uuid, name, status from runs").fetchall()
        assert len({name for _, name, _ in runs}) == len(runs), "a run was logged twice"
        return {
            name: (
                status,
                frozenset(database.execute(METRIC_HISTORY, (run,))),
            )
            for run, name, status in runs
        }


def labels_of(out: Path) -> dict[str, list]:
    return parquet.read_table(out / "labels.parquet").to_pydict()


def comparable(summary: dict) -> dict:
    """A summary without what may differ between two runs of the same experiment: times, ids, places."""
    summary = json.loads(json.dumps(summary))
    summary.pop("seconds")
    for record in [summary["experiment"], *summary["trials"]]:
        for name in ("mlflow_run_id", "tracking_uri", "seconds", "finished_at"):
            record.pop(name, None)
    for record in [summary["images"], *summary["embeddings"]]:
        record.pop("embedded", None)
        record.pop("cached", None)
    return summary


@pytest.fixture(scope="module")
def finished(photos: Path, tmp_path_factory: pytest.TempPathFactory, cache_dir: Path) -> tuple[Path, runner.Summary]:
    out = tmp_path_factory.mktemp("finished") / "results"
    return out, runner.run_experiment(config_for(photos, out, cache_dir))


def test_results_are_the_contract(finished: tuple[Path, runner.Summary], photos: Path) -> None:
    out, returned = finished
    summary = json.loads((out / "summary.json").read_text())
    assert runner.Summary(**summary) == returned
    assert summary["format"] == 2
    assert summary["images"]["found"] == 48 == summary["images"]["embedded"] + summary["images"]["cached"]
    assert len(summary["trials"]) == TRIALS
    assert {trial["status"] for trial in summary["trials"]} == {"done"}
    assert set(summary["ranking"]) <= {trial["id"] for trial in summary["trials"]}
    table = labels_of(out)
    assert next(iter(table)) == "path"
    assert set(table) - {"path"} == {trial["id"] for trial in summary["trials"]}
    assert all((photos / name).is_file() for name in table["path"])
    truth = [Path(name).parent.as_posix() for name in table["path"]]
    for trial in summary["trials"]:
        assert trial["scores"]["ami"] == pytest.approx(adjusted_mutual_info_score(truth, table[trial["id"]]), abs=1e-6)
    best = summary["ranking"][0]
    folder = next(out.glob("rank_01_*"))
    assert np.load(folder / "labels.npy").tolist() == table[best]
    assert (out / "report.html").stat().st_size > 100_000
    assert len((out / "trials.csv").read_text().splitlines()) == TRIALS + 1


def test_the_pick_is_good(finished: tuple[Path, runner.Summary]) -> None:
    _, summary = finished
    known = {record.id: record.scores.ami for record in summary.trials if record.scores and record.scores.ami}
    assert known[summary.ranking[0]] >= 0.8 * max(known.values())
    assert summary.null_baselines
    beating = [record.id for record in summary.trials if record.scores and record.scores.beats_null]
    assert all(null.rank > summary.ranking.index(trial) + 1 for null in summary.null_baselines for trial in beating)


def test_mlflow_has_a_run_per_trial(finished: tuple[Path, runner.Summary]) -> None:
    out, _ = finished
    runs = mlflow_runs(out)
    assert {status for status, _ in runs.values()} == {"FINISHED"}
    assert len(runs) == 1 + TRIALS


def test_called_again_nothing_is_done_twice(
    finished: tuple[Path, runner.Summary], photos: Path, cache_dir: Path
) -> None:
    out, first = finished
    before, written = mlflow_runs(out), (out / "report.html").stat().st_mtime_ns
    again = runner.run_experiment(config_for(photos, out, cache_dir))
    assert again.images.embedded == 0
    assert mlflow_runs(out) == before
    assert (out / "report.html").stat().st_mtime_ns == written
    assert comparable(again.model_dump(mode="json")) == comparable(first.model_dump(mode="json"))


def test_a_moved_results_folder_says_where_it_is_now(
    finished: tuple[Path, runner.Summary], photos: Path, tmp_path: Path, cache_dir: Path
) -> None:
    out, first = finished
    moved = tmp_path / "moved"
    shutil.copytree(out, moved)
    written = (moved / "report.html").stat().st_mtime_ns
    again = runner.run_experiment(config_for(photos, moved, cache_dir))
    assert yaml.safe_load((moved / "config.yaml").read_text())["out"] == str(moved)
    assert str(moved) in again.experiment.tracking_uri
    assert (moved / "report.html").stat().st_mtime_ns == written
    assert changed_outputs(moved) == []
    assert comparable(again.model_dump(mode="json")) == comparable(first.model_dump(mode="json"))


def test_new_pairs_rank_the_same_trials_again(
    finished: tuple[Path, runner.Summary], photos: Path, tmp_path: Path, cache_dir: Path
) -> None:
    out, before = finished
    again = tmp_path / "results"
    shutil.copytree(out, again)
    labels = labels_of(out)
    best, coarse = (np.array(labels[trial_id]) for trial_id in (before.ranking[0], _coarsest(before)))
    apart_in_best = (best[:, None] != best) & (coarse[:, None] == coarse) & (coarse >= 0)
    first, second = (labels["path"][row] for row in np.argwhere(apart_in_best)[0])
    pairs = tmp_path / "pairs.yaml"
    pairs.write_text(yaml.safe_dump({"must_link": [[first, second]]}))
    after = runner.run_experiment(config_for(photos, again, cache_dir, pairs=pairs, pair_weight=5))
    assert [trial.finished_at for trial in after.trials] == [trial.finished_at for trial in before.trials]
    shares = {trial.id: trial.scores.must_link_share for trial in after.trials if trial.scores}
    assert set(shares.values()) == {0.0, 1.0}
    assert shares[after.ranking[0]] == 1
    assert all(trial.scores is None or trial.scores.must_link_share is None for trial in before.trials)


def _coarsest(summary: runner.Summary) -> str:
    """The usable trial whose clusters are largest."""
    return min(summary.ranking, key=lambda trial_id: summary.trial(trial_id).scores.effective_clusters)  # type: ignore[union-attr]


@pytest.mark.check
def test_another_sweep_of_finished_results_embeds_nothing(
    finished: tuple[Path, runner.Summary], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, before = finished
    again = ["sweep", str(out), "--mode", "debug", "--algorithms", "kmeans", "--out", str(tmp_path / "again")]
    assert main(again) == 0, capsys.readouterr().err
    after = read_summary(tmp_path / "again")
    assert {trial.algorithm for trial in after.trials} == {"kmeans"}
    assert after.images.embedded == 0
    assert [one.key for one in after.embeddings] == [one.key for one in before.embeddings]
    assert main(["sweep", str(out), "--out", str(out)]) == 2
    assert main(["sweep", str(tmp_path)]) == 2
    assert "results folder of a finished experiment" in capsys.readouterr().err


@pytest.mark.check
def test_config_yaml_gives_the_same_labels(
    finished: tuple[Path, runner.Summary], tmp_path: Path, cache_dir: Path
) -> None:
    out, _ = finished
    command = [sys.executable, "-m", "runner", "experiment", "--config", str(out / "config.yaml")]
    subprocess.run([*command, "--out", str(tmp_path / "again"), "--top", "0"], check=True, capture_output=True)
    assert labels_of(tmp_path / "again") == labels_of(out)


@pytest.mark.check
def test_config_yaml_holds_from_any_folder(
    photos: Path, tmp_path: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photos.parent)
    (tmp_path / "pairs.yaml").write_text("must_link: []\n")
    pairs = Path(os.path.relpath(tmp_path / "pairs.yaml"))
    runner.run_experiment(config_for(Path(photos.name), tmp_path / "results", cache_dir, top=0, pairs=pairs))
    settings = yaml.safe_load((tmp_path / "results" / "config.yaml").read_text())
    assert Path(settings["images"]).samefile(photos) and Path(settings["images"]).is_absolute()
    assert all(Path(settings[name]).is_absolute() for name in ("pairs", "cache_dir", "out"))


@pytest.mark.check
def test_two_experiments_take_turns_in_a_results_folder(photos: Path, tmp_path: Path, cache_dir: Path) -> None:
    command = [sys.executable, "-m", "runner", "experiment", "--models", "pixels", "--mode", "debug", "--top", "1"]
    command += ["--images", str(photos), "--cache-dir", str(cache_dir), "--out", str(tmp_path / "results"), "--seed"]
    both = [subprocess.Popen([*command, seed], stdout=subprocess.PIPE, text=True) for seed in ("1", "2")]
    told = "".join(process.communicate(timeout=240)[0] for process in both)
    assert [process.returncode for process in both] == [0, 0]
    assert told.count("waiting     for another experiment") == 1
    kept = [tmp_path / "results", *(tmp_path / "results" / "previous").iterdir()]
    assert sorted(read_summary(out).experiment.seed for out in kept) == [1, 2]
    assert all((out / "report.html").is_file() for out in kept)


def test_added_images_are_the_only_ones_embedded(photos: Path, tmp_path: Path, cache_dir: Path) -> None:
    grown = tmp_path / "grown"
    shutil.copytree(photos, grown)
    out = tmp_path / "results"
    runner.run_experiment(config_for(grown, out, cache_dir, top=0))
    names = sorted(path.name for path in grown.rglob("*.*"))
    for number in range(10):
        (grown / "new").mkdir(exist_ok=True)
        source = next(path for path in grown.rglob(names[number]))
        from PIL import Image

        Image.open(source).convert("RGB").rotate(7 + number).save(grown / "new" / f"{number}.png")
    summary = runner.run_experiment(config_for(grown, out, cache_dir, top=0))
    assert (summary.images.embedded, summary.images.cached) == (10, 48)
    assert [record.embedded for record in summary.embeddings] == [10]
    assert len(list((out / "previous").iterdir())) == 1, "the former results are kept"


@pytest.mark.check
@pytest.mark.parametrize("moment", ["embedding", "sweep", "logging"])
def test_killed_and_called_again(
    moment: str, finished: tuple[Path, runner.Summary], photos: Path, tmp_path: Path, cache_dir: Path
) -> None:
    undisturbed, _ = finished
    out = tmp_path / "results"
    cache = tmp_path / "cache" if moment == "embedding" else cache_dir
    command = as_command(config_for(photos, out, cache), tmp_path)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)

    def is_time() -> bool:
        if moment == "embedding":
            return any(cache.glob("embeddings/*"))
        if moment == "sweep":
            return len(list(out.glob(".work/journal-*/*.npz"))) >= 2
        if not (out / "report.html").exists():
            return False
        with sqlite3.connect(f"file:{out}/mlflow.db?mode=ro", uri=True) as database:
            return database.execute("select count(*) from runs").fetchone()[0] >= 3

    deadline = time.monotonic() + 240
    while process.poll() is None and not is_time():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert process.poll() is None, "it finished before it could be killed"
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    subprocess.run(command, check=True, capture_output=True)
    summary = json.loads((out / "summary.json").read_text())
    expected = json.loads((undisturbed / "summary.json").read_text())
    assert comparable(summary) == comparable(expected)
    assert labels_of(out) == labels_of(undisturbed)
    assert mlflow_runs(out) == mlflow_runs(undisturbed)


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "runner", "experiment", "--models", "efficientnet_lite0", "--resolutions", "96"]
    return subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, timeout=280)


@pytest.mark.parametrize(
    ("case", "status", "words"),
    [
        ("missing", 1, "can't be opened (No such file or directory)"),
        ("empty", 1, "no image"),
        ("one", 1, "one image only"),
        ("corrupt", 1, "can be used"),
        ("model", 2, "ViT-B-32"),
        ("tag", 2, "openai"),
        ("key", 2, "unknown setting 'modles'"),
        ("k", 2, "n_clusters=49 is more than the 48 images"),
        ("pairs", 1, "nofile.yaml can't be read"),
    ],
)
def test_bad_input_says_what_is_wrong(
    case: str, status: int, words: str, photos: Path, tmp_path: Path, cache_dir: Path
) -> None:
    folder = tmp_path / "images"
    extra: list[object] = []
    if case != "missing":
        folder.mkdir()
    if case == "one":
        shutil.copy(next(photos.rglob("*.png")), folder / "only.png")
    if case == "corrupt":
        for number in range(3):
            (folder / f"{number}.jpg").write_bytes(b"\xff\xd8 not an image")
    if case in ("model", "tag", "key", "k", "pairs"):
        folder = photos
    if case == "model":
        extra = ["--models", "ViT-B-33"]
    if case == "tag":
        extra = ["--models", "ViT-B-32:opnai"]
    if case == "key":
        (tmp_path / "settings.yaml").write_text("modles: [ViT-B-32]\n")
        extra = ["--config", tmp_path / "settings.yaml"]
    if case == "k":
        extra = ["--set", "sweep.kmeans.n_clusters=49"]
    if case == "pairs":
        extra = ["--pairs", tmp_path / "nofile.yaml", "--dry-run"]
    result = run("--images", folder, "--out", tmp_path / "results", "--cache-dir", cache_dir, *extra)
    assert result.returncode == status, result.stderr
    message = result.stderr.strip().splitlines()[-1]
    assert message.startswith("runner: ") and words in message, result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.check
@pytest.mark.parametrize("count", [2, 20])
def test_few_or_identical_images(count: int, photos: Path, tmp_path: Path, cache_dir: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    sources = sorted(photos.rglob("*.png"))
    for number in range(count):
        shutil.copy(sources[number if count == 2 else 0], folder / f"{number}.png")
    result = run(
        "--images", folder, "--out", tmp_path / "results", "--cache-dir", cache_dir, "--mode", "debug", "--top", 1
    )
    assert result.returncode in (0, 3), result.stderr
    assert "Traceback" not in result.stderr
    summary = json.loads((tmp_path / "results" / "summary.json").read_text())
    assert summary["images"]["found"] == count
    assert {trial["status"] for trial in summary["trials"]} <= {"done", "failed"}
    assert (result.returncode == 3) == (not summary["ranking"])


@pytest.mark.check
@pytest.mark.parametrize(("options", "words"), [("size=2m", "No space left on device"), ("ro", "choose another --out")])
def test_a_full_or_read_only_disk_is_named(
    options: str, words: str, photos: Path, tmp_path: Path, cache_dir: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        unavailable(f"no small file system can be mounted ({mounted.stderr.decode().strip()}); that takes root")
    try:
        result = run("--images", photos, "--out", disk / "results", "--cache-dir", cache_dir, "--mode", "debug")
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)
    assert result.returncode == 1, result.stderr
    message = result.stderr.strip().splitlines()[-1]
    assert message.startswith("runner: ") and words in message and str(disk) in message, result.stderr
    assert "Traceback" not in result.stderr
