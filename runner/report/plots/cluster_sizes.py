"""How large the clusters of a trial are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from runner.cluster.trial import NOISE
from runner.report.plots.style import ACCENT, MUTED, headline, new_figure, plain_log_ticks, save, tidy
from runner.utils.text import count_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_cluster_sizes(labels: np.ndarray, title: str, path: Path) -> Path | None:
    """Draw the sizes, largest first, and their histogram; noise is counted in the title.

    Args:
        labels: shape (n,); ``NOISE`` for noise.
        title: the trial.
        path: PNG to write.

    Returns:
        the path; None if there is no cluster.
    """
    sizes = np.sort(np.bincount(labels[labels != NOISE]))[::-1]
    if not len(sizes):
        return None
    figure = new_figure(11, 3.6)
    headline(figure, title)
    left, right = figure.subplots(1, 2, gridspec_kw={"width_ratios": [3, 2]})
    _draw_sizes(left, sizes, int((labels == NOISE).sum()))
    _draw_histogram(right, sizes)
    return save(figure, path)


def _draw_sizes(axes: Axes, sizes: np.ndarray, n_noise: int) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.bar(np.arange(1, len(sizes) + 1), sizes, width=0.85 if len(sizes) < 150 else 1.0, color=ACCENT)
    median = float(np.median(sizes))
    axes.axhline(median, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    if sizes[0] > 30 * max(1.0, median):
        axes.set_yscale("log")
        plain_log_ticks(axes, "y")
    axes.margins(y=0.18)
    noise = f"; {n_noise:,} noise" if n_noise else ""
    title = f"{count_of(len(sizes), 'cluster')} by size (dashed: median {median:g}){noise}"
    tidy(axes, title, "cluster, by size", "images", grid="y")
    steps = MaxNLocator(8, integer=True).tick_values(1, len(sizes))
    axes.set_xticks([tick for tick in steps if 1 <= tick <= len(sizes)] or [1])


def _draw_histogram(axes: Axes, sizes: np.ndarray) -> None:
    """Clusters by size, in bins that double: 1, 2–3, 4–7, 8–15, …"""
    powers = np.floor(np.log2(sizes)).astype(int)
    bins = np.arange(powers.min(), powers.max() + 1)
    counts = [int((powers == power).sum()) for power in bins]
    names = [f"{2**power:,}" if power == 0 else f"{2**power:,}–{2 ** (power + 1) - 1:,}" for power in bins]
    bars = axes.bar(names, counts, color=ACCENT, width=0.85)
    axes.bar_label(bars, fontsize=8, color=MUTED, padding=2)
    axes.margins(y=0.15)
    tidy(axes, "How many clusters of which size", "images in the cluster", "clusters", grid="y")
    if len(bins) > 6:
        axes.tick_params(axis="x", rotation=35)
