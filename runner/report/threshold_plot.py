"""A threshold chosen by looking: the data of the interactive plot, and the page that holds nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from runner.cluster.graph.threshold_curve import Pair, ThresholdCurve
from runner.images.thumbnails import Thumbnails
from runner.report.page import render_page
from runner.utils.atomic import write_text

POINTS = 240
"""Thresholds that the plot can show with their pairs; each is exact, those between them are left out."""

THUMBNAIL_SIDE = 104


@dataclass(frozen=True)
class PlottedCurve:
    """A curve and what is told about it.

    Attributes:
        name: of the curve, where there are several.
        measure: what the similarity is.
        curve: the counts.
        ids: name of each row's image.
        command: takes a threshold, which stands in for ``{threshold}``.
        taken: the threshold that was used; None where none was.
    """

    name: str
    measure: str
    curve: ThresholdCurve
    ids: Sequence[str]
    command: str
    taken: float | None = None


def plotted_thresholds(curve: ThresholdCurve, at_most: int = POINTS) -> np.ndarray:
    """Thresholds worth a point, descending: half of them even over the links, half even over the similarities."""
    steps = np.unique(curve.thresholds)[::-1]
    if len(steps) <= at_most:
        return steps
    half = at_most // 2
    by_rank = steps[np.linspace(0, len(steps) - 1, half).round().astype(int)]
    evenly = np.linspace(steps[0], steps[-1], half)
    nearest = steps[np.minimum(np.searchsorted(-steps, -evenly), len(steps) - 1)]
    return np.unique(np.concatenate([by_rank, nearest, [curve.knee().threshold]]))[::-1]


def threshold_data(
    curves: Sequence[PlottedCurve], thumbnails: Thumbnails | None, at_most: int = POINTS
) -> list[dict[str, object]] | None:
    """What ``threshold_plot.js`` draws; None where no two images are linked in any curve."""
    drawn = [_curve_data(curve, thumbnails, at_most) for curve in curves if len(curve.curve.thresholds)]
    return drawn or None


def _curve_data(plotted: PlottedCurve, thumbnails: Thumbnails | None, at_most: int) -> dict[str, object]:
    curve, knee = plotted.curve, plotted.curve.knee()
    points = [curve.at(float(threshold)) for threshold in plotted_thresholds(curve, at_most)]
    rows = sorted({row for point in points for linked in (point.above, point.below) if linked for row in linked[0]})
    if thumbnails is not None:
        thumbnails.load(rows)
    return {
        "name": plotted.name,
        "measure": plotted.measure,
        "n": curve.tree.n,
        "thresholds": [point.threshold for point in points],
        "groups": [point.groups for point in points],
        "images": [point.images for point in points],
        "pairs": [point.pairs for point in points],
        "above": [_pair(point.above) for point in points],
        "below": [_pair(point.below) for point in points],
        "names": {row: plotted.ids[row] for row in rows},
        "pictures": {row: thumbnails.data_uri(row, THUMBNAIL_SIDE) for row in rows} if thumbnails else {},
        "knee": {"threshold": knee.threshold, "reason": knee.reason},
        "taken": plotted.taken,
        "command": plotted.command,
    }


def _pair(linked: tuple[Pair, float] | None) -> list[float] | None:
    return None if linked is None else [*linked[0], linked[1]]


def write_threshold_page(path: Path, title: str, plotted: PlottedCurve, thumbnails: Thumbnails | None) -> bool:
    """A self-contained page with the plot; nothing, and False, where no two images are linked.

    Raises:
        RunnerError: it can't be written.
    """
    data = threshold_data([plotted], thumbnails)
    if data is None:
        return False
    write_text(path, render_page("threshold.html.j2", {"threshold": data}, ("threshold_plot.js",), title=title))
    return True
