"""Plotly traces about the clusters of one trial, or of two."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..results.labels import NOISE_COLOR, Results
from .charts import Trace

NOISE = -1
MOST_BARS = 150
MOST_IN_HEATMAP = 40

Name = Callable[[int], str]
"""What a cluster is called, by its number."""


def default_name(cluster: int) -> str:
    """``cluster 007``, or ``noise``: as in the fields."""
    return "noise" if cluster == NOISE else f"cluster {cluster:03d}"


def size_chart(labels: np.ndarray, name: Name = default_name) -> list[Trace]:
    """A bar per cluster, the largest first, noise last; ``customdata`` holds the numbers of the clusters."""
    clusters = _by_size(labels)[:MOST_BARS]
    sizes = np.bincount(labels + 1)
    shown = [*clusters, *([NOISE] if (labels == NOISE).any() else [])]
    return [
        {
            "type": "bar",
            "x": [_unique(name(cluster), cluster) for cluster in shown],
            "y": [int(sizes[cluster + 1]) for cluster in shown],
            "ids": [str(cluster) for cluster in shown],
            "marker": {"color": [cluster_color(cluster) for cluster in shown]},
            "hovertemplate": "%{x}: %{y} images<extra></extra>",
        }
    ]


def size_layout() -> dict[str, Any]:
    return {
        "xaxis": {"type": "category", "tickangle": -60, "automargin": True, "title": {"text": ""}},
        "yaxis": {"title": {"text": "Images"}},
        "margin": {"t": 10, "l": 50, "r": 10, "b": 90},
        "bargap": 0.15,
    }


def map_chart(results: Results, trial_id: str, embedding: str, name: Name = default_name) -> list[Trace]:
    """The images of an embedding on a plane, a trace per cluster; ``ids`` are sample ids.

    Raises:
        RunnerError: no map was drawn, or it is not one of these images.
    """
    from runner.errors import RunnerError
    from runner.results.map_file import read_map

    ids, coordinates = read_map(results.out, embedding)
    row_of = {sample_id: row for row, sample_id in enumerate(results.ids)}
    strangers = [sample_id for sample_id in ids if sample_id not in row_of]
    if strangers:
        raise RunnerError(
            f"The map of {embedding} in {results.out} places {strangers[0]}, which the results don't have."
        )
    labels = results.labels(trial_id)[[row_of[sample_id] for sample_id in ids]]
    places = np.round(coordinates.astype(float), 3)
    traces = []
    for cluster in [NOISE, *_by_size(labels)]:
        rows = np.flatnonzero(labels == cluster)
        if not len(rows):
            continue
        traces.append(
            {
                "type": "scattergl",
                "mode": "markers",
                "name": name(cluster),
                "x": places[rows, 0].tolist(),
                "y": places[rows, 1].tolist(),
                "ids": [ids[row] for row in rows],
                "marker": {"color": cluster_color(cluster), "size": 7 if len(ids) < 2000 else 4},
                "hovertemplate": f"{name(cluster)}<extra></extra>",
            }
        )
    return traces


def map_layout() -> dict[str, Any]:
    hidden = {"showgrid": False, "zeroline": False, "showticklabels": False, "title": {"text": ""}}
    return {
        "xaxis": hidden,
        "yaxis": {**hidden, "scaleanchor": "x"},
        "dragmode": "lasso",
        "hovermode": "closest",
        "margin": {"t": 10, "l": 10, "r": 10, "b": 10},
    }


def contingency_chart(
    first: np.ndarray, second: np.ndarray, first_name: Name = default_name, second_name: Name = default_name
) -> list[Trace]:
    """How the clusters of one trial fall into those of another: a heat map of the counts, the largest clusters of each,
    in such an order that what belongs together lies near the diagonal.

    Args:
        first: labels of the images that both trials have, shape (n,).
        second: the same, of the other trial.
        first_name, second_name: what their clusters are called.
    """
    rows = [*_by_size(first)[:MOST_IN_HEATMAP], *([NOISE] if (first == NOISE).any() else [])]
    columns = [*_by_size(second), *([NOISE] if (second == NOISE).any() else [])]
    table = np.zeros((len(rows), len(columns)), dtype=int)
    row_of = {cluster: row for row, cluster in enumerate(rows)}
    column_of = {cluster: column for column, cluster in enumerate(columns)}
    for cluster, other in zip(first.tolist(), second.tolist(), strict=True):
        if cluster in row_of:
            table[row_of[cluster], column_of[other]] += 1
    largest = np.argsort(-table.sum(axis=0), kind="stable")[:MOST_IN_HEATMAP]
    order = sorted(largest.tolist(), key=lambda column: (int(table[:, column].argmax()), -int(table[:, column].max())))
    return [
        {
            "type": "heatmap",
            "x": [_unique(second_name(columns[column]), columns[column]) for column in order],
            "y": [_unique(first_name(cluster), cluster) for cluster in rows],
            "z": table[:, order].tolist(),
            "colorscale": [[0, "rgba(128,128,128,0.06)"], [0.01, "#274b8f"], [0.5, "#2563eb"], [1, "#ffb454"]],
            "showscale": False,
            "xgap": 1,
            "ygap": 1,
            "hovertemplate": "%{y} and %{x}: %{z} images<extra></extra>",
        }
    ]


def contingency_layout() -> dict[str, Any]:
    axis = {"type": "category", "automargin": True, "title": {"text": ""}, "showgrid": False}
    return {
        "xaxis": {**axis, "tickangle": -60},
        "yaxis": {**axis, "autorange": "reversed"},
        "margin": {"t": 10, "l": 90, "r": 10, "b": 90},
    }


def cluster_of(text: str, labels: np.ndarray, name: Name = default_name) -> int | None:
    """The number of the cluster that a chart calls ``text``; None if there is none."""
    present = np.unique(labels).tolist()
    return next((cluster for cluster in present if _unique(name(cluster), cluster) == text), None)


def cluster_color(cluster: int) -> str:
    """A colour that the same cluster has in all charts."""
    return NOISE_COLOR if cluster == NOISE else _colors()[cluster % len(_colors())]


def _colors() -> Sequence[str]:
    from runner.report.plots.style import cluster_colors

    if not _COLORS:
        _COLORS.extend(cluster_colors(360))
    return _COLORS


_COLORS: list[str] = []


def _unique(text: str, cluster: int) -> str:
    """A name that two clusters share would be one place on an axis: all but the usual ones carry their number."""
    return text if text == default_name(cluster) else f"{text} ({cluster})"


def _by_size(labels: np.ndarray) -> list[int]:
    """Numbers of the clusters, the largest first."""
    sizes = np.bincount(labels[labels != NOISE])
    return [int(cluster) for cluster in np.argsort(-sizes, kind="stable") if sizes[cluster]]
