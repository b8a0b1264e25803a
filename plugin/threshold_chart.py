"""The threshold by looking: how many groups, and how many grouped images, at every similarity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from runner.cluster.threshold_curve import ThresholdCurve, ThresholdPoint

MOST_POINTS = 400
BINS = 40


def threshold_traces(curve: ThresholdCurve, threshold: float) -> list[dict[str, Any]]:
    """Groups and grouped images against the threshold, a histogram of the tree's similarities behind them, and the
    threshold that is chosen."""
    rows = np.unique(np.linspace(0, len(curve.thresholds) - 1, MOST_POINTS).astype(int))
    across = np.round(curve.thresholds[rows], 4).tolist()
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
            "hovertemplate": "%{y} links at about %{x:.3f}<extra></extra>",
        },
        _line("grouped images", across, curve.images[rows].tolist(), "#2563eb"),
        _line("groups", across, curve.groups[rows].tolist(), "#e8590c"),
        {
            "type": "scatter",
            "mode": "lines",
            "name": f"threshold {threshold:.3f}",
            "x": [threshold, threshold],
            "y": [0, top],
            "line": {"color": "#d6246e", "dash": "dash", "width": 2},
            "hoverinfo": "skip",
        },
    ]


def threshold_layout(curve: ThresholdCurve) -> dict[str, Any]:
    """The similar end on the left: what is linked first."""
    low, high = (float(curve.thresholds[-1]), 1.0) if len(curve.thresholds) else (0.0, 1.0)
    return {
        "height": 300,
        "xaxis": {"title": {"text": "Similarity"}, "range": [high, low]},
        "yaxis": {"title": {"text": "Count"}},
        "yaxis2": {"overlaying": "y", "side": "right", "visible": False},
        "showlegend": True,
        "legend": {"orientation": "h", "y": -0.3, "x": 0},
        "margin": {"t": 10, "l": 56, "r": 10, "b": 50},
    }


def told(point: ThresholdPoint) -> str:
    """What a threshold gives, in one sentence."""
    groups = "one group" if point.groups == 1 else f"{point.groups:,} groups"
    text = f"At {point.threshold:.4g}: {groups} of {point.images:,} images"
    if point.above is not None:
        text += f"; the least alike that are still linked: {point.above[1]:.4f}"
    if point.below is not None:
        text += f"; the next to be linked: {point.below[1]:.4f}"
    return f"{text}."


def _line(name: str, x: list[float], y: list[int], color: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": x,
        "y": y,
        "line": {"color": color, "width": 2, "shape": "hv"},
        "hovertemplate": f"%{{y}} {name} at %{{x:.4f}}<extra></extra>",
    }
