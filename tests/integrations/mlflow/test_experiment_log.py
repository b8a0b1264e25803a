"""Logging to a real store: what is in it afterwards, and that calling again changes nothing but what changed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runner.cluster.trial import FailureKind, TrialStatus
from runner.embed.families.autoencoder import EpochRecord, TrainingRecord
from runner.errors import RunnerError, UsageError
from runner.integrations.mlflow import known_runs
from runner.integrations.mlflow.experiment_log import check_store, checked_experiment_name, log_experiment
from runner.integrations.mlflow.known_runs import find_runs, find_runs_in_file
from runner.integrations.mlflow.run_log import ImagesDataset, LoggedRuns
from runner.integrations.mlflow.tracking_uri import STORE, default_tracking_uri
from runner.results.summary import EmbeddingTraining, Summary, TrialRecord

MakeSummary = Callable[..., Summary]
Trials = list[TrialRecord]


def everything(store: Any) -> dict[str, tuple[Any, ...]]:
    """The store's content, metric histories included."""
    return {
        run.info.run_id: (run.info.status, run.data.params, run.data.tags, store.history(run.info.run_id))
        for run in store.runs()
    }


def test_one_parent_and_one_child_per_trial(store: Any, make_summary: MakeSummary, trials: Trials) -> None:
    logged = store.log(make_summary(trials))
    assert (logged.created, logged.resumed, logged.skipped) == (11, 0, 0)
    children = store.children()
    assert children.keys() == {record.id for record in trials}
    assert len(store.runs()) == 11
    assert {run.data.tags["mlflow.parentRunId"] for run in children.values()} == {logged.parent_run_id}


def test_a_child_says_what_was_run_and_what_came_of_it(store: Any, make_summary: MakeSummary, trials: Trials) -> None:
    summary = make_summary(trials)
    store.log(summary)
    record = trials[1]
    run = store.children()[record.id]
    assert run.info.run_name == "kmeans n_clusters=10 in pca:32 · ViT-B-32 224 letterbox"
    assert run.info.status == "FINISHED"
    assert (run.info.start_time, run.info.end_time) == (record.finished_at - 1500, record.finished_at)
    assert run.data.params == {
        "model": "ViT-B-32",
        "weights": "openai",
        "resolution": "224",
        "fit": "letterbox",
        "precision": "float32",
        "dimension": "512",
        "algorithm": "kmeans",
        "space": "pca:32",
        "n_clusters": "10",
    }
    assert record.scores is not None
    assert run.data.metrics["score/silhouette"] == record.scores.silhouette
    assert run.data.metrics["size/n_clusters"] == 6
    assert run.data.metrics["score/beats_null"] == 1
    assert run.data.metrics["time/seconds"] == 1.5
    assert run.data.metrics["detail/inertia"] == 13.5
    assert run.data.metrics["score/rank"] == 1 + summary.ranking.index(record.id)
    assert run.data.tags["detail.approximate"] == "False"
    assert run.data.tags["status"] == "done"


def test_every_metric_has_one_point_at_step_zero(store: Any, make_summary: MakeSummary, trials: Trials) -> None:
    store.log(make_summary(trials[:3]))
    for run in store.runs():
        for points in store.history(run.info.run_id).values():
            assert [step for _, _, step in points] == [0]
            assert points[0][1] in {record.finished_at for record in trials[:3]}


def test_failures_are_failed_runs_without_scores(store: Any, make_summary: MakeSummary, trials: Trials) -> None:
    store.log(make_summary(trials))
    failed, timed_out = (store.children()[trials[n].id] for n in (3, 8))
    assert failed.info.status == timed_out.info.status == "FAILED"
    assert "not positive definite" in failed.data.tags["error"]
    assert "timed_out" not in failed.data.tags
    assert timed_out.data.tags["timed_out"] == "true"
    assert timed_out.data.tags["status"] == "timed_out"
    assert failed.data.metrics.keys() == {"time/seconds"}
    assert failed.data.params["min_cluster_size"] == "5"


def test_the_parent_sums_up_under_keys_of_its_own(store: Any, make_summary: MakeSummary, trials: Trials) -> None:
    logged = store.log(make_summary(trials))
    runs = {run.info.run_id: run for run in store.runs()}
    parent = runs.pop(logged.parent_run_id)
    assert parent.info.status == "FINISHED"
    counts = {key: parent.data.metrics[f"count/{key}"] for key in ("trials", "done", "failed", "timed_out", "images")}
    assert counts == {"trials": 10, "done": 8, "failed": 1, "timed_out": 1, "images": 100}
    assert parent.data.metrics["best/n_clusters"] == 5
    assert parent.data.metrics["null/rank"] == 9
    assert parent.data.metrics["stage/embed_seconds"] == 12.5
    assert parent.data.params["seed"] == "42"
    assert parent.data.tags["results"] == "results"
    assert not {key for run in runs.values() for key in run.data.metrics} & parent.data.metrics.keys()


def test_files_and_dataset(
    store: Any, make_summary: MakeSummary, trials: Trials, files: Callable[[str], dict[str, Path]], tmp_path: Path
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("seed: 42\n")
    asked = []

    def experiment_files(run_id: str) -> dict[str, Path]:
        asked.append(run_id)
        return {"config.yaml": config}

    dataset = ImagesDataset("stamps", "file:///images/stamps", "d" * 64, 100)
    logged = store.log(make_summary(trials), dataset=dataset, trial_files=files, experiment_files=experiment_files)
    assert set(asked) == {logged.parent_run_id}
    child = store.children()[trials[0].id].info.run_id

    def stored(client: Any) -> list[str]:
        folder = Path(client.download_artifacts(child, ""))
        return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())

    assert store.ask(stored) == ["clusters/cluster_000.jpg", "info.json"]
    parent = store.ask(lambda client: client.get_run(logged.parent_run_id))
    assert store.ask(lambda client: [file.path for file in client.list_artifacts(logged.parent_run_id)]) == [
        "config.yaml"
    ]
    (images,) = [each.dataset for each in parent.inputs.dataset_inputs]
    assert (images.name, images.digest, images.profile) == ("stamps", "d" * 36, '{"num_images": 100}')
    assert (store.out / "mlartifacts" / child).is_dir()


@pytest.mark.parametrize("shortcut", [True, False])
def test_a_second_call_changes_nothing(
    store: Any,
    make_summary: MakeSummary,
    trials: Trials,
    files: Callable[[str], dict[str, Path]],
    shortcut: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = store.log(make_summary(trials), trial_files=files)
    before = everything(store)
    if not shortcut:
        monkeypatch.setattr("runner.integrations.mlflow.experiment_log.find_runs_in_file", lambda *_: {})
    later = make_summary(
        [record.model_copy(update={"seconds": 99.0, "finished_at": record.finished_at + 5000}) for record in trials]
    )
    for summary in (make_summary(trials), later):
        assert store.log(summary, trial_files=files) == LoggedRuns(first.parent_run_id, 0, 0, 11)
    assert everything(store) == before


def test_a_second_call_does_not_even_import_mlflow(store: Any, make_summary: MakeSummary, trials: Trials) -> None:
    summary = make_summary(trials)
    store.log(summary)
    (store.out / "summary.json").write_text(summary.model_dump_json())
    program = (
        "import sys; from pathlib import Path; from runner.results.summary import Summary;"
        "from runner.integrations.mlflow.experiment_log import log_experiment;"
        "out = Path(sys.argv[1]); summary = Summary.model_validate_json((out / 'summary.json').read_text());"
        "logged = log_experiment(summary, tracking_uri=sys.argv[2], experiment_name='stamps', out=out);"
        "print(logged.skipped, 'mlflow' in sys.modules)"
    )
    command = [sys.executable, "-c", program, str(store.out), store.uri]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.split() == ["11", "False"]


def test_both_ways_of_finding_runs_agree(store: Any, make_summary: MakeSummary, trials: Trials) -> None:
    store.log(make_summary(trials))
    read = find_runs_in_file(store.out / STORE, "stamps", "fingerprint-1")
    found = store.ask(
        lambda client: find_runs(client, client.get_experiment_by_name("stamps").experiment_id, "fingerprint-1")
    )
    assert {key: (run.run_id, run.status) for key, run in read.items()} == {
        key: (run.run_id, run.status) for key, run in found.items()
    }
    assert all(found[key].tags.items() >= run.tags.items() for key, run in read.items())
    assert find_runs_in_file(store.out / STORE, "stamps", "another") == {}
    assert find_runs_in_file(store.out / STORE, "another", "fingerprint-1") == {}


def test_runs_are_found_beyond_one_page(
    store: Any, make_summary: MakeSummary, trials: Trials, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_runs, "PAGE_SIZE", 3)
    monkeypatch.setattr("runner.integrations.mlflow.experiment_log.find_runs_in_file", lambda *_: {})
    store.log(make_summary(trials))
    assert store.log(make_summary(trials)).skipped == 11
    assert len(store.runs()) == 11


def test_other_data_or_another_grid_is_another_parent(store: Any, make_summary: MakeSummary, trials: Trials) -> None:
    first = store.log(make_summary(trials[:2]))
    second = store.log(make_summary(trials[:3], fingerprint="fingerprint-2"))
    assert first.parent_run_id != second.parent_run_id
    assert second.created == 4
    assert len(store.runs()) == 7
    assert store.log(make_summary(trials[:2])) == LoggedRuns(first.parent_run_id, 0, 0, 3)


def test_a_trial_that_succeeds_later_keeps_its_run(store: Any, make_summary: MakeSummary, trials: Trials) -> None:
    store.log(make_summary(trials[:4]))
    before = store.children()[trials[3].id]
    retried = trials[3].model_copy(
        update={
            "status": TrialStatus.DONE,
            "failure": None,
            "attempts": 2,
            "error": None,
            "scores": trials[0].scores,
            "finished_at": trials[3].finished_at + 60_000,
        }
    )
    summary = make_summary([*trials[:3], retried])
    ranks = {trial_id: rank for rank, trial_id in enumerate(summary.ranking, start=1)}
    logged = store.log(summary)
    assert (logged.created, logged.resumed) == (0, 4)  # the parent, the trial, and the two whose rank has changed
    children = store.children()
    after = children[retried.id]
    assert after.info.run_id == before.info.run_id
    assert after.info.status == "FINISHED"
    assert before.data.tags["mlflow.note.content"] == trials[3].error
    assert not {"error", "failure", "mlflow.note.content"} & after.data.tags.keys()
    assert {key: run.data.metrics["score/rank"] for key, run in children.items()} == ranks
    for run in children.values():
        repeated = {key for key, points in store.history(run.info.run_id).items() if len(points) > 1}
        assert repeated <= {"score/rank"}


def test_a_trial_that_fails_again_tells_its_last_reason(store: Any, make_summary: MakeSummary, trials: Trials) -> None:
    changes = {"failure": FailureKind.TIME, "status": TrialStatus.TIMED_OUT}
    store.log(make_summary([*trials[:3], trials[3].model_copy(update=changes)]))
    before = store.children()[trials[3].id]
    assert (before.data.tags["failure"], before.data.tags["timed_out"]) == ("time", "true")
    died = {"failure": FailureKind.PROCESS, "attempts": 2, "error": "its process died"}
    summary = make_summary([*trials[:3], trials[3].model_copy(update=died)])
    store.log(summary)
    after = store.children()[trials[3].id]
    assert (after.info.run_id, after.info.status) == (before.info.run_id, "FAILED")
    assert (after.data.tags["failure"], after.data.tags["error"]) == ("process", "its process died")
    assert "timed_out" not in after.data.tags
    assert store.log(summary).skipped == 5


def test_scores_of_a_trial_that_now_fails_are_gone(store: Any, make_summary: MakeSummary, trials: Trials) -> None:
    store.log(make_summary(trials[:3]))
    failing = trials[1].model_copy(update={"status": TrialStatus.FAILED, "error": "no", "scores": None})
    store.log(make_summary([trials[0], failing, trials[2]]))
    children = store.children()
    assert len(children) == 3
    assert children[failing.id].info.status == "FAILED"
    assert "score/silhouette" not in children[failing.id].data.metrics


def test_what_somebody_deleted_comes_back(store: Any, make_summary: MakeSummary, trials: Trials) -> None:
    logged = store.log(make_summary(trials[:3]))
    child = store.children()[trials[0].id].info.run_id
    store.ask(lambda client: client.delete_run(child))
    assert store.log(make_summary(trials[:3])) == LoggedRuns(logged.parent_run_id, 1, 0, 3)
    store.ask(lambda client: client.delete_run(logged.parent_run_id))
    again = store.log(make_summary(trials[:3]))
    assert (again.created, again.resumed) == (1, 3)
    assert len(store.children()) == 3  # all below the new parent


def test_more_files_are_added_to_finished_runs(
    store: Any, make_summary: MakeSummary, trials: Trials, files: Callable[[str], dict[str, Path]]
) -> None:
    store.log(make_summary(trials[:3]))
    logged = store.log(make_summary(trials[:3]), trial_files=files)
    assert (logged.created, logged.resumed) == (0, 2)  # the two that have files
    assert all(len(points) == 1 for run in store.runs() for points in store.history(run.info.run_id).values())


def test_a_deleted_experiment_says_how_to_restore_it(store: Any, make_summary: MakeSummary, trials: Trials) -> None:
    store.log(make_summary(trials[:1]))
    store.ask(lambda client: client.delete_experiment(client.get_experiment_by_name("stamps").experiment_id))
    with pytest.raises(RunnerError, match=r"has been deleted.*mlflow experiments restore --experiment-id 1"):
        store.log(make_summary(trials[:1]))
    with pytest.raises(RunnerError, match="has been deleted"):
        check_store(store.uri, "stamps", store.out)


@pytest.mark.parametrize("name", ['it\'s 100% "mine" — 写真/holiday; DROP TABLE runs', " padded\n", "x" * 250])
def test_odd_experiment_names(store: Any, make_summary: MakeSummary, trials: Trials, name: str) -> None:
    store.log(make_summary(trials[:1]), name=name)
    assert store.log(make_summary(trials[:1]), name=name).skipped == 2
    assert len(store.runs(checked_experiment_name(name))) == 2


@pytest.mark.parametrize("name", ["", "  \n", "x" * 251])
def test_impossible_experiment_names(name: str) -> None:
    with pytest.raises(UsageError, match="--experiment-name"):
        checked_experiment_name(name)


def test_undecodable_file_names_and_long_errors_are_logged(
    store: Any, make_summary: MakeSummary, trials: Trials
) -> None:
    record = trials[3].model_copy(update={"error": "bad \udcff name " + "x" * 9000})
    store.log(make_summary([record]))
    assert store.children()[record.id].data.tags["error"].startswith("bad \\xff name xxx")


def test_an_experiment_without_trials_or_ranking(store: Any, make_summary: MakeSummary, trials: Trials) -> None:
    assert store.log(make_summary([])).created == 1
    assert store.log(make_summary([trials[3]], fingerprint="only failures")).created == 2


def test_progress_counts_up_to_the_end(store: Any, make_summary: MakeSummary, trials: Trials) -> None:
    told: list[tuple[int, int]] = []
    store.log(make_summary(trials[:2]), progress=lambda done, total: told.append((done, total)))
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_two_processes_on_a_fresh_store(tmp_path: Path, make_summary: MakeSummary, trials: Trials) -> None:
    (tmp_path / "summary.json").write_text(make_summary(trials[:3]).model_dump_json())
    program = (
        "import sys; from pathlib import Path; from runner.results.summary import Summary;"
        "from runner.integrations.mlflow.experiment_log import log_experiment;"
        "out = Path(sys.argv[1]); summary = Summary.model_validate_json((out / 'summary.json').read_text());"
        "print(log_experiment(summary, tracking_uri=sys.argv[2], experiment_name='stamps', out=out).created)"
    )
    command = [sys.executable, "-c", program, str(tmp_path), default_tracking_uri(tmp_path)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    ends = [process.communicate(timeout=120) for process in both]
    said = [line for _, error in ends for line in error.splitlines()]
    assert all("another process is logging" in line for line in said), said  # and no word of MLflow's migrations
    assert sorted(int(text) for text, _ in ends) == [0, 4]
    logged = log_experiment(
        make_summary(trials[:3]), tracking_uri=default_tracking_uri(tmp_path), experiment_name="stamps", out=tmp_path
    )
    assert logged.skipped == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == [".mlflow.db.lock", "mlflow.db", "summary.json"]


def test_training_curves_are_the_parents_and_stay_single(store: Any, make_summary: MakeSummary, trials: Trials) -> None:
    epochs = [EpochRecord(training=1 / number, validation=2 / number) for number in range(1, 701)]
    record = TrainingRecord(
        loss="l1",
        training_images=9,
        validation_images=1,
        epochs=epochs,
        best_epoch=700,
        seconds=1.0,
        finished_at=1_700_000_000_000,
    )
    summary = make_summary(trials, trainings=[EmbeddingTraining(embedding="autoencoder-8", record=record)])
    parent = store.log(summary).parent_run_id
    store.log(make_summary(trials[:-1], trainings=summary.trainings))
    store.log(summary)
    history = store.history(parent)
    points = [(step, value) for value, _, step in history["training/autoencoder-8/validation_loss"]]
    assert points == [(number, 2 / number) for number in range(1, 701)]
    assert len(history["training/autoencoder-8/training_loss"]) == 700
    assert not any(key.startswith("training/") for run in store.children().values() for key in run.data.metrics)
