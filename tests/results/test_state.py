"""Results that are no longer as they were written are known to be, whatever was done to them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.errors import RunnerError
from runner.report.inputs import Results
from runner.report.rank_folders import RankedTrial, write_rank_folder
from runner.results.archive import fingerprint_of, run_id_of
from runner.results.files import read_labels, read_paths, read_summary, write_results, write_summary
from runner.results.paths import CONFIG, LABELS, REPORT, STATE, SUMMARY, TRIALS
from runner.results.state import begin, changed_outputs, finish, outputs_complete, read_state
from runner.score.cluster_statistics import cluster_facts
from tests.faults.damage import DAMAGES, damage_all
from tests.report.experiments import image_names, make_results

FINGERPRINT = "f00dfeedbeef0123"


@pytest.fixture
def results() -> Results:
    return make_results(None, image_names(12), keys=("model-224-letterbox-aa",), clusters=(3,))


@pytest.fixture
def out(results: Results, tmp_path: Path) -> Path:
    begin(tmp_path, FINGERPRINT)
    write_results(tmp_path, results.summary, results.images, results.labels, results.config_yaml)
    (trial,) = results.top_trials(1)
    facts = cluster_facts(results.labels(trial.id), results.vectors(trial.embedding))
    write_rank_folder(tmp_path, RankedTrial(1, trial, facts), results, None)
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "comparison.png").write_bytes(b"png")
    (tmp_path / REPORT).write_text("<html>")
    finish(tmp_path, results.summary, 1, ())
    return tmp_path


def test_complete_as_written(out: Path, results: Results) -> None:
    assert outputs_complete(out, results.summary, 1)
    assert not outputs_complete(out, results.summary, 2)
    assert changed_outputs(out) == []
    state = read_state(out)
    assert state is not None
    names = {SUMMARY, LABELS, TRIALS, CONFIG, REPORT, "plots/comparison.png"}
    ranks = ("labels.npy", "info.json", "image_to_cluster.json", "cluster_to_images.json")
    assert state.checksums.keys() == names | {f"rank_01_kmeans/{name}" for name in ranks}


@pytest.mark.parametrize("how", [*DAMAGES, "deleted"])
def test_not_complete_where_a_file_is_damaged(how: str, out: Path, results: Results) -> None:
    state = read_state(out)
    assert state is not None
    for name in state.files:
        content = (out / name).read_bytes()
        if how == "deleted":
            (out / name).unlink()
        else:
            damage_all([out / name], how, seed=3)
        assert changed_outputs(out) == [name]
        assert not outputs_complete(out, results.summary, 1)
        (out / name).write_bytes(content)
    assert outputs_complete(out, results.summary, 1)


def test_the_users_own_files_do_not_count(out: Path, results: Results) -> None:
    for name in ("notes.txt", "plots/mine.png", "rank_01_kmeans/notes.txt"):
        (out / name).write_text("mine")
    assert outputs_complete(out, results.summary, 1)


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_state_is_not_believed(how: str, out: Path, results: Results) -> None:
    (out / STATE).write_bytes((out / STATE).read_bytes().rstrip())  # the line's end says nothing
    damage_all([out / STATE], how, seed=4)
    assert read_state(out) is None
    assert not outputs_complete(out, results.summary, 1)
    assert fingerprint_of(out) == FINGERPRINT
    damage_all([out / SUMMARY], "halved", seed=4)
    assert fingerprint_of(out) == FINGERPRINT  # that of the labels
    damage_all([out / LABELS], "halved", seed=4)
    assert fingerprint_of(out) is None


def test_a_flipped_fingerprint_does_not_make_them_anothers(out: Path) -> None:
    state = json.loads((out / STATE).read_bytes())
    (out / STATE).write_text(json.dumps({**state, "fingerprint": "f00dfeedbeef0122"}))
    assert fingerprint_of(out) == FINGERPRINT


def test_the_state_of_an_earlier_version_is_read_but_tells_too_little(out: Path, results: Results) -> None:
    state = json.loads((out / STATE).read_bytes())
    (out / STATE).write_text(json.dumps({key: state[key] for key in ("fingerprint", "digest", "files")}))
    assert fingerprint_of(out) == FINGERPRINT
    assert changed_outputs(out) == []
    assert read_summary(out) == results.summary
    assert not outputs_complete(out, results.summary, 1)


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize(
    ("name", "read"), [(SUMMARY, read_summary), (LABELS, read_paths), (LABELS, lambda out: read_labels(out, "x"))]
)
def test_readers_of_damaged_results_are_told_what_to_do(
    name: str, read: Callable[[Path], object], how: str, out: Path
) -> None:
    damage_all([out / name], how, seed=5)
    with pytest.raises(RunnerError, match=f"{name} is not as it was written.*`runner experiment` command") as raised:
        read(out)
    assert len(str(raised.value).splitlines()) == 1
    (out / STATE).unlink()
    if how in ("emptied", "halved"):  # else no reader can tell, or nothing is missing
        with pytest.raises(RunnerError, match=f"{name} is damaged.*`runner experiment` command"):
            read(out)


def test_the_run_of_a_damaged_summary_is_not_known_here(out: Path, results: Results) -> None:
    experiment = results.summary.experiment.model_copy(update={"mlflow_run_id": "abc"})
    write_summary(out, results.summary.model_copy(update={"experiment": experiment}))
    finish(out, results.summary, 1, ())
    assert run_id_of(out, FINGERPRINT) == "abc"
    damage_all([out / SUMMARY], "one byte short", seed=6)
    assert run_id_of(out, FINGERPRINT) is None
