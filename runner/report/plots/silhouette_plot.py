"""Silhouettes of a trial's images, cluster by cluster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from runner.report.plots.style import ACCENT, INK, MUTED, cluster_colors, headline, new_figure, save, tidy
from runner.score.cluster_statistics import ClusterFacts
from runner.utils.text import decimal

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_BLADES = 40
"""With more clusters than this, each is summed up as its mean and its middle 80 %."""


def plot_silhouettes(facts: ClusterFacts, title: str, path: Path) -> Path | None:
    """Draw each image's cosine silhouette, sorted within its cluster; noise is left out.

    Args:
        facts: the clustering.
        title: the trial.
        path: PNG to write.

    Returns:
        the path; None where silhouettes are undefined (fewer than two clusters).
    """
    if facts.silhouette is None:
        return None
    summed_up = facts.n_clusters > MAX_BLADES
    clustered = facts.silhouette[np.isfinite(facts.silhouette)]
    figure = new_figure(11, 4.6 if summed_up else min(9.0, 2.4 + 0.16 * facts.n_clusters))
    headline(figure, title)
    axes = figure.subplots()
    if summed_up:
        _draw_bands(axes, facts)
        axes.axhline(float(clustered.mean()), color=INK, linewidth=1, linestyle=(0, (4, 3)))
    else:
        _draw_blades(axes, facts)
        axes.axvline(float(clustered.mean()), color=INK, linewidth=1, linestyle=(0, (4, 3)))
    mean, below = decimal(float(clustered.mean())), 100 * float((clustered < 0).mean())
    note = f"mean {mean} (dashed); {below:.0f} % of the clustered images below 0: nearer to another cluster"
    axes.set_title(note, loc="left", fontsize=9, color=MUTED)
    return save(figure, path)


def _by_mean(facts: ClusterFacts) -> list[tuple[int, np.ndarray]]:
    """Clusters with their sorted silhouettes, the best cluster first."""
    assert facts.silhouette is not None
    values = [(cluster, np.sort(facts.silhouette[facts.members(cluster)])) for cluster in range(facts.n_clusters)]
    return sorted(values, key=lambda item: -float(item[1].mean()))


def _draw_blades(axes: Axes, facts: ClusterFacts) -> None:
    """One filled curve per cluster, as thick as the cluster is large."""
    gap = max(2.0, 0.006 * len(facts.labels))
    colors = cluster_colors(facts.n_clusters)
    top, ticks = 0.0, []
    for cluster, values in _by_mean(facts):
        levels = np.repeat(top + np.arange(len(values) + 1), 2)[1:-1]
        # not snapped to whole pixels, or images thinner than a pixel would come and go
        axes.fill_betweenx(levels, 0, np.repeat(values[::-1], 2), color=colors[cluster], linewidth=0, snap=False)
        ticks.append((top + len(values) / 2, f"{cluster}"))
        top += len(values) + gap
    axes.set_yticks([place for place, _ in ticks], [name for _, name in ticks])
    axes.set_ylim(top, -gap)
    tidy(axes, "", "silhouette (cosine)", "cluster, the best first", grid="x")
    axes.tick_params(axis="y", labelsize=6.5 if facts.n_clusters > 25 else 8)
    axes.axvline(0, color=MUTED, linewidth=0.8)


def _draw_bands(axes: Axes, facts: ClusterFacts) -> None:
    values = [silhouettes for _, silhouettes in _by_mean(facts)]
    low, high = (np.array([np.quantile(each, share) for each in values]) for share in (0.1, 0.9))
    means = np.array([each.mean() for each in values])
    places = np.arange(1, len(values) + 1)
    axes.vlines(places, low, high, color=ACCENT, alpha=0.35, linewidth=max(0.6, min(5.0, 420 / len(values))))
    axes.scatter(places, means, s=max(3, min(22, 2400 / len(values))), color=ACCENT, zorder=3)
    axes.axhline(0, color=MUTED, linewidth=0.8)
    axes.margins(x=0.01)
    tidy(
        axes, "", "cluster, the best first (dot: mean, bar: middle 80 % of its images)", "silhouette (cosine)", grid="y"
    )
