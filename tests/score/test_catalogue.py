"""One table names the scores, and whatever shows some reads of them there."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import pytest

from plugin.panel.charts import parallel_chart
from plugin.results.ranking_table import Order, ranking_table
from runner.integrations.mlflow.run_records import trial_runs
from runner.integrations.mlflow.shared_view import view_state
from runner.report import table
from runner.report.data import comparison_data
from runner.report.ranking_lines import ranking_lines
from runner.results.files import trials_csv
from runner.score.catalogue import SCORES, Format, Score, Shown
from runner.score.scores import Scores
from tests.report.experiments import image_names, make_results

KEY = "effective_clusters"


def test_every_score_has_one_entry() -> None:
    assert {*SCORES} == {field.name for field in fields(Scores)}
    titles = [score.title for score in SCORES.values()]
    assert len(set(titles)) == len(titles) and all(score.meaning for score in SCORES.values())


@pytest.mark.parametrize(
    ("form", "value", "text"),
    [
        (Format.COUNT, 12345, "12,345"),
        (Format.SHARE, 0.123, "12 %"),
        (Format.SHARE, 0.0, "0 %"),
        (Format.SHARE, 0.004, "0.4 %"),
        (Format.SHARE, 0.996, "99.6 %"),
        (Format.DECIMAL, -0.0301, "−0.030"),
        (Format.DECIMAL, -0.0001, "0.000"),
    ],
)
def test_values_are_written_in_one_way(form: Format, value: float, text: str) -> None:
    assert Score("x", "X", "x", "x", form).text(value) == text


def test_a_score_that_is_shown_everywhere_is_found_wherever_a_user_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = make_results(tmp_path, image_names(12))
    summary = results.summary
    hidden = _surfaces(results)
    assert not any(hidden.values())
    shown = replace(SCORES[KEY], title="Toy", name="a toy", section="toys", shown=~Shown(0))
    monkeypatch.setitem(SCORES, KEY, shown)
    found = _surfaces(results)
    assert all(found.values()), found
    assert KEY in trials_csv(summary).splitlines()[0].split(",")
    assert all(any(metric.key == f"toys/{KEY}" for metric in run.metrics) for run in trial_runs(summary, {})[:1])


def _surfaces(results: object) -> dict[str, bool]:
    """Whether the score is there, by where that is."""
    summary = results.summary  # type: ignore[attr-defined]
    app = ranking_table(summary, Order())
    title = SCORES[KEY].title
    view = view_state(summary)
    return {
        "terminal": title.lower() in ranking_lines(summary, 3)[0],
        "report's table": title in [column.title for column in table.ranking_table(summary).columns],
        "report's chart": KEY in [key for key, _ in comparison_data(results, 3)["measures"]],  # type: ignore
        "App's table": title in app.titles(Order()).values() and KEY in app.rows[0],
        "App's axes": title in [each["label"] for each in parallel_chart(_varied(summary))[0]["dimensions"]],
        "MLflow's columns": any(KEY in column for column in view["selectedColumns"]),  # type: ignore[attr-defined]
        "MLflow's axes": any(KEY in key for key in view["compareRunCharts"][0]["selectedMetrics"]),  # type: ignore
    }


def _varied(summary: object) -> object:
    """The same with values that differ, as an axis of one value says nothing."""
    trials = [
        trial
        if trial.scores is None
        else trial.model_copy(update={"scores": replace(trial.scores, effective_clusters=float(number))})
        for number, trial in enumerate(summary.trials)  # type: ignore[attr-defined]
    ]
    return summary.model_copy(update={"trials": trials})  # type: ignore[attr-defined]
