"""All trials at a glance: score against the number of clusters and against noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from runner.report.plots.style import (
    INK,
    MUTED,
    algorithm_colors,
    markers_of,
    new_figure,
    plain,
    plain_log_ticks,
    save,
    tidy,
)
from runner.results.display_names import short_embedding_names
from runner.results.summary import NullRecord, Summary, TrialRecord
from runner.score.catalogue import Shown, known_among, shown_in
from runner.score.scores import Scores

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Value = Callable[[Scores], float | None]
Scored = TrialRecord | NullRecord


def plot_comparison(summary: Summary, path: Path, annotated: int = 5) -> Path | None:
    """Draw every scored trial: colour by algorithm, marker by embedding; null baselines as grey crosses.

    Args:
        summary: the experiment.
        path: PNG to write.
        annotated: how many of the best trials carry their rank.

    Returns:
        the path; None if no trial has a score.
    """
    trials = [trial for trial in summary.trials if trial.scores is not None]
    shown = known_among(shown_in(Shown.PLOT), (trial.scores for trial in trials))
    if not shown:
        return None
    figure = new_figure(13, 4.6 * len(shown) + 0.4)
    rows = figure.subplots(len(shown), 2, squeeze=False, sharey="row", gridspec_kw={"width_ratios": [3, 2]})
    for (left, right), score in zip(rows, shown, strict=True):
        ranks = summary.ranking[:annotated]
        left.set_xscale("log")
        right.set_xlim(-3, 108)
        _scatter(left, summary, trials, ranks, lambda scores: scores.n_clusters or None, score.of)
        _scatter(right, summary, trials, ranks, lambda scores: 100 * scores.noise_share, score.of)
        plain_log_ticks(left)
        title = f"{score.name[0].upper()}{score.name[1:]}"
        tidy(left, f"{title} against the number of clusters", "clusters (logarithmic)", score.name)
        tidy(right, f"{title} against noise", "noise, % of the images")
    _legend(figure, summary, trials)
    return save(figure, path)


def _points(records: Sequence[Scored], x: Value, y: Value) -> list[tuple[str, float, float]]:
    points = []
    for record in records:
        if record.scores is None:
            continue
        across, up = x(record.scores), y(record.scores)
        if across is not None and up is not None:
            points.append((record.id, across, up))
    return points


def _scatter(
    axes: Axes, summary: Summary, trials: Sequence[TrialRecord], ranks: Sequence[str], x: Value, y: Value
) -> None:
    colors = algorithm_colors(summary)
    markers = markers_of(record.key for record in summary.embeddings)
    for algorithm, color in colors.items():
        for embedding, marker in markers.items():
            own = [trial for trial in trials if trial.algorithm == algorithm and trial.embedding == embedding]
            points = _points(own, x, y)
            axes.scatter(
                *_columns(points), color=color, marker=marker, s=26, alpha=0.7, linewidths=0.4, edgecolors="white"
            )
    nulls = _points(summary.null_baselines, x, y)
    axes.scatter(*_columns(nulls), color=MUTED, marker="x", s=26, linewidths=1.1, zorder=1.5)
    places = {trial_id: (across, up) for trial_id, across, up in _points(trials, x, y)}
    _annotate(axes, [(rank, *places[trial_id]) for rank, trial_id in enumerate(ranks, 1) if trial_id in places])


def _columns(points: Sequence[tuple[str, float, float]]) -> tuple[list[float], list[float]]:
    return [x for _, x, _ in points], [y for _, _, y in points]


def _annotate(axes: Axes, best: Sequence[tuple[int, float, float]]) -> None:
    """Ring the best trials and write their ranks beside them, those that lie close together as one label."""
    for _, x, y in best:
        axes.scatter([x], [y], s=80, facecolors="none", edgecolors=INK, linewidths=1.1, zorder=4)
    axes.margins(x=0.08, y=0.08)
    axes.autoscale_view()
    groups: list[list[tuple[int, float, float]]] = []
    for trial in sorted(best, key=lambda item: item[2]):
        near = next((group for group in groups if _are_close(axes, group[-1], trial)), None)
        groups.append([trial]) if near is None else near.append(trial)
    for group in groups:
        text = _ranges(sorted(rank for rank, _, _ in group))
        middle = (group[len(group) // 2][1], sum(y for _, _, y in group) / len(group))
        axes.annotate(text, middle, (9, 0), textcoords="offset points", va="center", fontsize=8, fontweight="bold",
                      color=INK)  # fmt: skip


def _ranges(ranks: Sequence[int]) -> str:
    """``#1–3, #5`` for 1, 2, 3 and 5."""
    runs: list[list[int]] = []
    for rank in ranks:
        if runs and rank == runs[-1][-1] + 1:
            runs[-1].append(rank)
        else:
            runs.append([rank])
    return ", ".join(f"#{run[0]}" if len(run) == 1 else f"#{run[0]}–{run[-1]}" for run in runs)


def _are_close(axes: Axes, one: tuple[int, float, float], other: tuple[int, float, float]) -> bool:
    """Whether two labels would touch, on the axes' present scale."""
    (x1, y1), (x2, y2) = axes.transData.transform([one[1:], other[1:]])
    return bool(abs(x1 - x2) < 45 and abs(y1 - y2) < 18)


def _legend(figure: Figure, summary: Summary, trials: Sequence[TrialRecord]) -> None:
    from matplotlib.lines import Line2D

    def mark(label: str, color: str, marker: str) -> Line2D:
        return Line2D([], [], linestyle="", color=color, marker=marker, markersize=6, label=plain(label))

    used = {trial.algorithm for trial in trials}
    handles = [mark(name, color, "o") for name, color in algorithm_colors(summary).items() if name in used]
    names = short_embedding_names(summary.embeddings)
    if len(names) > 1:
        handles += [mark(names[key], MUTED, marker) for key, marker in markers_of(names).items()]
    if summary.null_baselines:
        handles.append(mark("random labels (null)", MUTED, "x"))
    figure.legend(handles=handles, loc="outside lower left", ncols=5, fontsize=8.5, frameon=False, labelcolor=INK)
