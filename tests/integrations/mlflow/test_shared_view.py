"""The view refers only to params and metrics that the runs have. How it looks takes a browser to see."""

from __future__ import annotations

import json
from collections.abc import Callable

from runner.integrations.mlflow.run_records import trial_runs
from runner.integrations.mlflow.shared_view import experiment_tags, view_query, view_state
from runner.results.summary import Summary, TrialRecord


def test_charts_show_what_all_finished_runs_have(
    make_summary: Callable[..., Summary], trials: list[TrialRecord]
) -> None:
    summary = make_summary(trials)
    state = view_state(summary)
    finished = [run for run in trial_runs(summary, {}) if run.status == "FINISHED"]
    parallel, *scatters = state["compareRunCharts"]  # type: ignore[misc]
    assert parallel["selectedParams"] == ["model", "space", "algorithm"]  # only one embedding has a resolution
    assert [chart["type"] for chart in scatters] == ["SCATTER"] * 3  # no labels, so none of these
    for run in finished:
        keys = {each.key for each in run.metrics}
        assert set(parallel["selectedParams"]) <= run.params.keys()
        assert set(parallel["selectedMetrics"]) <= keys
        assert {chart[axis]["key"] for chart in scatters for axis in ("xaxis", "yaxis")} <= keys
    sections = {section["uuid"] for section in state["compareRunSections"]}  # type: ignore[attr-defined]
    assert {chart["metricSectionId"] for chart in (parallel, *scatters)} <= sections


def test_the_view_finds_the_trials_only(store, make_summary: Callable[..., Summary], trials: list[TrialRecord]) -> None:
    summary = make_summary(trials)
    store.log(summary)
    store.log(make_summary(trials, fingerprint="fingerprint-2"))
    state = view_state(summary)

    def search(client) -> list[str]:
        experiment = client.get_experiment_by_name("stamps")
        assert experiment.tags["mlflow.sharedViewState.imagesweep-fingerprint-1"] == json.dumps(
            state, separators=(",", ":")
        )
        order = f"{state['orderByKey']} {'ASC' if state['orderByAsc'] else 'DESC'}"
        runs = client.search_runs([experiment.experiment_id], state["searchFilter"], order_by=[order])
        return [run.data.tags["imagesweep.trial"] for run in runs]

    found = store.ask(search)
    assert found[: len(summary.ranking)] == summary.ranking
    assert len(found) == len(trials)


def test_the_view_fits_into_a_tag(make_summary: Callable[..., Summary], trials: list[TrialRecord]) -> None:
    tags = experiment_tags(make_summary(trials, fingerprint="f" * 64))
    assert all(len(value) < 5000 and len(key) < 250 for key, value in tags.items())
    assert view_query("f" * 64).startswith("viewStateShareKey=imagesweep-ffffffffffffffff&")
