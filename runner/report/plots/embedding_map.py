"""The map of an embedding, coloured by the clusters of a trial, with the targets marked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from runner.cluster.flat_map import EmbeddingMap
from runner.cluster.trial import NOISE
from runner.report.plots.style import (
    ACCENT,
    INK,
    MUTED,
    NOISE_COLOR,
    TARGET_COLOR,
    cluster_colors,
    headline,
    new_figure,
    plain,
    save,
)
from runner.utils.text import count_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAMED_CLUSTERS = 30
"""The largest clusters carry their number."""


def plot_embedding_map(
    drawn: EmbeddingMap,
    labels: np.ndarray | None,
    title: str,
    path: Path,
    trial: str = "",
    targets: Sequence[int] = (),
    target_names: Sequence[str] = (),
) -> Path:
    """Draw a map.

    Args:
        drawn: the map.
        labels: of all images, shape (n_images,), for the colours; None for a map without.
        title: the embedding.
        path: PNG to write.
        trial: what the colours mean.
        targets: rows marked with a star, and
        target_names: their names.
    """
    across, up = np.ptp(drawn.coordinates, axis=0)
    figure = new_figure(9.5, 0.6 + 9.5 * float(np.clip(up / max(across, 1e-9), 0.6, 1.05)))
    headline(figure, title)
    axes = figure.subplots()
    axes.set_title(plain(_facts(drawn, trial)), loc="left", fontsize=8.5, color=MUTED)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    shown = np.full(len(drawn.rows), NOISE) if labels is None else labels[drawn.rows]
    _draw_points(axes, drawn.coordinates, shown, has_labels=labels is not None)
    _draw_numbers(axes, drawn.coordinates, shown)
    _draw_targets(axes, drawn, targets, target_names)
    return save(figure, path)


def _facts(drawn: EmbeddingMap, trial: str) -> str:
    images = count_of(drawn.n_images, "image")
    if drawn.is_sample:
        images = f"a sample of {len(drawn.rows):,} of {images}"
    return f"{drawn.method} of {images}" + (f" · colours: {trial}" if trial else "")


def _draw_points(axes: Axes, coordinates: np.ndarray, labels: np.ndarray, has_labels: bool) -> None:
    size = float(np.clip(16000 / len(labels), 2, 36))
    noise = labels == NOISE
    color = NOISE_COLOR if has_labels else ACCENT
    axes.scatter(coordinates[noise, 0], coordinates[noise, 1], s=size * 0.7, color=color, linewidths=0, zorder=1)
    palette = cluster_colors(int(labels.max(initial=NOISE)) + 1)
    colors = [palette[label] for label in labels[~noise]]
    axes.scatter(coordinates[~noise, 0], coordinates[~noise, 1], s=size, c=colors, linewidths=0, alpha=0.85, zorder=2)
    axes.margins(0.04)


def _draw_numbers(axes: Axes, coordinates: np.ndarray, labels: np.ndarray) -> None:
    from matplotlib.patheffects import withStroke

    halo = [withStroke(linewidth=2.5, foreground="white")]
    sizes = np.bincount(labels[labels != NOISE])
    for cluster in np.argsort(-sizes, kind="stable")[:NAMED_CLUSTERS]:
        members = coordinates[labels == cluster]
        center = np.median(members, axis=0)
        x, y = members[np.linalg.norm(members - center, axis=1).argmin()]  # an image's own place, never a void
        axes.text(x, y, str(cluster), fontsize=8, fontweight="bold", color=INK, ha="center", va="center",
                  path_effects=halo, zorder=4)  # fmt: skip


def _draw_targets(axes: Axes, drawn: EmbeddingMap, targets: Sequence[int], names: Sequence[str]) -> None:
    from matplotlib.patheffects import withStroke

    for row, name in zip(targets, names, strict=True):
        for x, y in drawn.coordinates[drawn.rows == row]:
            axes.scatter([x], [y], marker="*", s=230, color=TARGET_COLOR, edgecolors="white", linewidths=1, zorder=5)
            axes.annotate(plain(name.rsplit("/", 1)[-1]), (x, y), (9, 4), textcoords="offset points", fontsize=8,
                          color=TARGET_COLOR, path_effects=[withStroke(linewidth=2.5, foreground="white")],
                          zorder=6)  # fmt: skip
