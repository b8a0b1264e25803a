"""The threshold by looking: how many groups, and how many grouped images, at every similarity."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from runner.cluster.graph.threshold_curve import Pair, ThresholdCurve, ThresholdPoint

BINS = 40


def threshold_traces(curve: ThresholdCurve, threshold: float, paths: Sequence[Path]) -> list[dict[str, Any]]:
    """Groups and grouped images against the threshold, a histogram of the tree's similarities behind them, and the
    threshold that is chosen. What tells of a point also names the pairs just above and below it.

    Args:
        curve: with at least one link.
        threshold: the one that is chosen.
        paths: file of each row.
    """
    from runner.report.threshold_plot import plotted_thresholds

    points = [curve.at(float(one)) for one in plotted_thresholds(curve)]
    across = [point.threshold for point in points]
    counts, edges = np.histogram(curve.thresholds, bins=BINS)
    top = int(curve.images.max(initial=1))
    middles = np.round((edges[:-1] + edges[1:]) / 2, 4).tolist()
    return [
        {
            "type": "bar",
            "name": "links",
            "x": middles,
            "y": counts.tolist(),
            "yaxis": "y2",
            "marker": {"color": "rgba(140,150,160,0.25)"},
            "hoverinfo": "skip",
        },
        {
            **_line("grouped images", across, [point.images for point in points], "#2563eb"),
            "hovertemplate": "%{y:,} grouped images<extra></extra>",
        },
        {
            **_line("groups", across, [point.groups for point in points], "#e8590c"),
            "text": [_pairs(point, paths) for point in points],
            "hovertemplate": "%{y:,} groups<br>%{text}<extra></extra>",
        },
        {
            **_line(f"threshold {threshold:.3f}", [threshold, threshold], [0, top], "#d6246e", dash="dash"),
            "hoverinfo": "skip",
        },
    ]


def threshold_layout(curve: ThresholdCurve) -> dict[str, Any]:
    """The similar end on the left: what is linked first. A click anywhere means the nearest threshold."""
    low, high = (float(curve.thresholds[-1]), 1.0) if len(curve.thresholds) else (0.0, 1.0)
    return {
        "height": 270,
        "xaxis": {"title": {"text": "Similarity"}, "range": [high, low], "hoverformat": ".4f"},
        "yaxis": {"title": {"text": "Count"}},
        "yaxis2": {"overlaying": "y", "side": "right", "visible": False},
        "hovermode": "x",
        "hoverdistance": -1,
        "showlegend": True,
        "legend": {"orientation": "h", "y": -0.3, "x": 0},
        "margin": {"t": 10, "l": 56, "r": 10, "b": 50},
    }


def told(point: ThresholdPoint) -> str:
    """What a threshold gives, in one sentence."""
    groups = "one group" if point.groups == 1 else f"{point.groups:,} groups"
    return f"At {point.threshold:.4g}: {groups} of {point.images:,} images."


def _pairs(point: ThresholdPoint, paths: Sequence[Path]) -> str:
    lines = [_pair("linked", point.above, paths), _pair("not linked", point.below, paths)]
    return "<br>".join(line for line in lines if line)


def _pair(what: str, linked: tuple[Pair, float] | None, paths: Sequence[Path]) -> str:
    if linked is None:
        return ""
    (first, second), similarity = linked
    return f"{what} at {similarity:.4f}: {_escaped(paths[first].name)}, {_escaped(paths[second].name)}"


def _escaped(name: str) -> str:
    """Plotly takes some HTML in texts."""
    return name.replace("&", "&amp;").replace("<", "&lt;")


def _line(name: str, x: list[float], y: list[int], color: str, dash: str = "solid") -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": x,
        "y": y,
        "line": {"color": color, "width": 2, "shape": "hv", "dash": dash},
    }
