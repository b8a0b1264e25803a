"""Plotly traces about all trials of an experiment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..results.labels import NOISE_COLOR

if TYPE_CHECKING:
    from runner.results.summary import Summary, TrialRecord

Trace = dict[str, Any]
"""One trace as Plotly takes it."""

_OTHER_SYMBOL = "diamond-open"


def score_chart(summary: Summary, other: Summary | None, chosen: str | None) -> list[Trace]:
    """Ranking score against the number of clusters: a trace per algorithm, random labels in grey, the other experiment
    as open diamonds, a ring around the trial that is chosen. ``ids`` are trial ids."""
    from runner.report.plots.style import algorithm_colors

    colors = algorithm_colors(summary)
    traces = [_points(_own(summary, name), name, {"color": color, "size": 8}) for name, color in colors.items()]
    nulls = [
        (null.id, null.scores.n_clusters, null.scores.ranking_score, "random labels") for null in summary.null_baselines
    ]
    traces.append(_trace(nulls, "random labels", {"color": NOISE_COLOR, "size": 7, "symbol": "x"}))
    if other is not None:
        marker = {"color": "#d6246e", "size": 9, "symbol": _OTHER_SYMBOL}
        traces.append(_points(_scored(other), other.experiment.name, marker))
    ring = [trial for trial in _scored(summary) if trial.id == chosen]
    marker = {"color": "rgba(0,0,0,0)", "size": 16, "line": {"color": "#ffffff", "width": 2}}
    traces.append({**_points(ring, "chosen", marker), "showlegend": False, "hoverinfo": "skip"})
    return [trace for trace in traces if trace["x"]]


def score_layout() -> dict[str, Any]:
    return {
        "xaxis": {"title": {"text": "Clusters"}, "type": "log", "dtick": "D2"},
        "yaxis": {"title": {"text": "Ranking score"}},
        "showlegend": True,
        "legend": {"orientation": "h", "y": -0.22, "x": 0},
        "margin": {"t": 10, "l": 56, "r": 10, "b": 50},
        "hovermode": "closest",
    }


def parallel_chart(summary: Summary) -> list[Trace]:
    """Parallel coordinates of the ranked trials, coloured by ranking score."""
    from runner.score.catalogue import Shown, shown_in

    trials = [trial for trial in _scored(summary) if trial.id in set(summary.ranking)]
    algorithms = sorted({trial.algorithm for trial in trials})
    dimensions: list[dict[str, Any]] = [
        {
            "label": "Algorithm",
            "values": [algorithms.index(trial.algorithm) for trial in trials],
            "tickvals": list(range(len(algorithms))),
            "ticktext": algorithms,
        }
    ]
    if len(summary.embeddings) > 1:
        dimensions.append(_embedding_dimension(summary, trials))
    for score in shown_in(Shown.APP_AXIS):
        values = [score.of(trial.scores) for trial in trials if trial.scores is not None]
        if all(value is not None for value in values) and len(set(values)) > 1:
            dimensions.append({"label": score.title, "values": values})
    color = [trial.scores.ranking_score or 0.0 for trial in trials if trial.scores is not None]
    line = {"color": color, "colorscale": [[0, "#4d6a9e"], [0.6, "#2ec4b6"], [1, "#ffb454"]], "showscale": False}
    style = {"labelfont": {"size": 12, "color": "#9aa4af"}, "tickfont": {"size": 11, "color": "#9aa4af"}}
    return [{"type": "parcoords", "dimensions": dimensions, "line": line, "rangefont": {"size": 1}, **style}]


def parallel_layout() -> dict[str, Any]:
    return {"margin": {"t": 50, "l": 90, "r": 50, "b": 30}}


def _embedding_dimension(summary: Summary, trials: Sequence[TrialRecord]) -> dict[str, Any]:
    from runner.results.display_names import short_embedding_names

    names = short_embedding_names(summary.embeddings)
    keys = list(names)
    return {
        "label": "Embedding",
        "values": [keys.index(trial.embedding) for trial in trials],
        "tickvals": list(range(len(keys))),
        "ticktext": list(names.values()),
    }


def _scored(summary: Summary) -> list[TrialRecord]:
    return [trial for trial in summary.trials if trial.scores is not None and trial.scores.ranking_score is not None]


def _own(summary: Summary, algorithm: str) -> list[TrialRecord]:
    return [trial for trial in _scored(summary) if trial.algorithm == algorithm]


def _points(trials: Sequence[TrialRecord], name: str, marker: dict[str, Any]) -> Trace:
    from runner.results.display_names import trial_name

    rows = [
        (trial.id, trial.scores.n_clusters, trial.scores.ranking_score, trial_name(trial))
        for trial in trials
        if trial.scores is not None
    ]
    return _trace(rows, name, marker)


def _trace(rows: Sequence[tuple[str, int, float | None, str]], name: str, marker: dict[str, Any]) -> Trace:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "ids": [row[0] for row in rows],
        "x": [row[1] for row in rows],
        "y": [row[2] for row in rows],
        "text": [row[3] for row in rows],
        "hovertemplate": "%{text}<br>%{x} clusters, score %{y:.3f}<extra></extra>",
        "marker": marker,
    }
