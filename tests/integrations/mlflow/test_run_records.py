"""The form that MLflow's charts need."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from runner.cluster.trial import TrialStatus
from runner.integrations.mlflow.parent_record import parent_run
from runner.integrations.mlflow.run_records import FAILED, FINISHED, RunRecord, metric_key, trial_runs
from runner.results.summary import Summary, TrialRecord

MakeSummary = Callable[..., Summary]
Trials = list[TrialRecord]


def runs_of(summary: Summary) -> dict[str, RunRecord]:
    return {run.key: run for run in trial_runs(summary, {})}


def metrics_of(run: RunRecord) -> dict[str, float]:
    return {each.key: each.value for each in run.metrics}


def with_params(record: TrialRecord, **params: object) -> TrialRecord:
    return record.model_copy(update={"params": params})


def with_scores(record: TrialRecord, **values: object) -> TrialRecord:
    assert record.scores is not None
    return record.model_copy(update={"scores": replace(record.scores, **values)})


def test_all_finished_runs_share_one_set_of_metrics(make_summary: MakeSummary, trials: Trials) -> None:
    undefined = with_scores(
        trials[0],
        silhouette=None,
        calinski_harabasz=None,
        neighbor_information=None,
        beats_null=None,
        ranking_score=None,
    )
    runs = runs_of(make_summary([undefined, *trials[1:]]))
    finished = [run for run in runs.values() if run.status == FINISHED]
    shared = [{key for key in metrics_of(run) if not key.startswith("detail/")} for run in finished]
    assert all(keys == shared[0] for keys in shared)
    stand_ins = metrics_of(runs[undefined.id])
    assert stand_ins["score/silhouette"] == stand_ins["score/ranking_score"] == stand_ins["score/beats_null"] == 0


def test_what_nobody_measured_is_left_out(make_summary: MakeSummary, trials: Trials) -> None:
    for run in runs_of(make_summary(trials)).values():
        assert not {"label/ami", "pairs/must_link_share"} & metrics_of(run).keys()
    labelled = [with_scores(trials[0], ami=0.5), trials[1]]
    runs = runs_of(make_summary(labelled))
    assert metrics_of(runs[trials[0].id])["label/ami"] == 0.5


def test_an_undefined_davies_bouldin_has_no_stand_in(make_summary: MakeSummary, trials: Trials) -> None:
    runs = runs_of(make_summary([with_scores(trials[0], davies_bouldin=None), trials[1]]))
    assert "score/davies_bouldin" not in metrics_of(runs[trials[0].id])


def test_no_infinity_and_no_nan(make_summary: MakeSummary, trials: Trials) -> None:
    record = with_scores(trials[0], silhouette=math.nan, calinski_harabasz=math.inf)
    record = record.model_copy(update={"details": {"inertia": math.inf, "recall": 0.99}})
    (run,) = trial_runs(make_summary([record]), {})
    assert all(math.isfinite(value) for value in metrics_of(run).values())
    assert metrics_of(run)["detail/recall"] == 0.99
    assert run.tags["detail.inertia"] == "inf"


def test_words_among_numbers_become_tags(make_summary: MakeSummary, trials: Trials) -> None:
    records = [
        with_params(trials[0], min_samples=5, linkage="ward"),
        with_params(trials[1], min_samples="auto", linkage="average"),
        with_params(trials[2], min_samples=math.inf, linkage="ward"),
    ]
    first, second, third = (runs_of(make_summary(records))[record.id] for record in records)
    assert first.params["min_samples"] == "5"
    assert "min_samples" not in second.params
    assert second.tags["param.min_samples"] == "auto"
    assert third.tags["param.min_samples"] == "inf"
    assert (first.params["linkage"], second.params["linkage"]) == ("ward", "average")


def test_params_keep_their_types(make_summary: MakeSummary, trials: Trials) -> None:
    record = with_params(trials[0], n_clusters=40, eps=0.1, allow=True, seed=10**15)
    params = runs_of(make_summary([record]))[record.id].params
    assert [params[name] for name in ("n_clusters", "eps", "allow", "seed")] == [
        "40",
        "0.1",
        "True",
        "1000000000000000",
    ]


def test_a_param_named_like_ours_does_not_hide_it(make_summary: MakeSummary, trials: Trials) -> None:
    record = with_params(trials[0], algorithm="lloyd", space=3)
    params = runs_of(make_summary([record]))[record.id].params
    assert (params["algorithm"], params["kmeans_algorithm"]) == ("kmeans", "lloyd")
    assert (params["space"], params["kmeans_space"]) == ("none", "3")


def test_ready_made_vectors_have_no_resolution(make_summary: MakeSummary, trials: Trials) -> None:
    params = runs_of(make_summary(trials))[trials[5].id].params
    assert params["model"] == "precomputed"
    assert not {"resolution", "fit", "precision", "weights"} & params.keys()
    assert "None" not in params.values()


def test_statuses(make_summary: MakeSummary, trials: Trials) -> None:
    runs = runs_of(make_summary(trials))
    for record in trials:
        assert runs[record.id].status == (FINISHED if record.status is TrialStatus.DONE else FAILED)


def test_what_compares_trials_carries_the_time_of_the_last(make_summary: MakeSummary, trials: Trials) -> None:
    last = max(record.finished_at for record in trials)
    for run in trial_runs(make_summary(trials), {}):
        for each in run.metrics:
            expected = last if each.key in ("score/rank", "score/ranking_score") else run.finished_at
            assert each.timestamp == expected


def test_times_are_no_part_of_the_digest_but_results_are(make_summary: MakeSummary, trials: Trials) -> None:
    (run,) = trial_runs(make_summary(trials[:1]), {})
    later = trials[0].model_copy(update={"seconds": 9.0, "finished_at": 1})
    assert trial_runs(make_summary([later]), {})[0].digest("p") == run.digest("p")
    assert run.digest("p") != run.digest("q")
    failed = trials[0].model_copy(update={"status": TrialStatus.FAILED, "scores": None})
    assert trial_runs(make_summary([failed]), {})[0].digest("p") != run.digest("p")


def test_the_description_is_a_table_of_the_best(make_summary: MakeSummary, trials: Trials, tmp_path_factory) -> None:
    note = parent_run(make_summary(trials), tmp_path_factory.getbasetemp()).tags["mlflow.note.content"]
    assert "| 1 | kmeans n_clusters=5 | ViT-B-32 224 letterbox | 5 | 25.0% |" in note
    assert "10 trials on 100 images" in note


@given(st.text())
def test_any_name_becomes_one_that_mlflow_takes(name: str) -> None:
    from mlflow.utils.validation import _validate_metric_name, _validate_param_name

    key = metric_key(name)
    _validate_metric_name(key)
    _validate_param_name(key)
    assert not set(key) & set("@(),")
    assert metric_key(key) == key
