"""The look that all plots share, and how they are saved."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from runner.output.atomic import atomic_path, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PALETTE = (
    *("#2563eb", "#e8590c", "#2b9348", "#9333ea", "#d6246e", "#0c8599"),
    *("#b08900", "#6b4a2b", "#4c6ef5", "#66a80f", "#c2255c", "#495057"),
)
"""Colours that stay apart on white and on dark grey."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "p", "<", ">", "h", "*")
"""matplotlib's markers, one for each embedding."""

INK = "#1c2128"
MUTED = "#6b7480"
GRID = "#e6e9ed"
NOISE_COLOR = "#c3c9d0"
TARGET_COLOR = "#d6246e"
ACCENT = "#2563eb"

DPI = 120


def colors_of(names: Iterable[str]) -> dict[str, str]:
    """A colour for each name, the same whenever the set of names is the same."""
    return {name: PALETTE[place % len(PALETTE)] for place, name in enumerate(sorted(set(names)))}


def markers_of(names: Iterable[str]) -> dict[str, str]:
    """A marker for each name, in the order given."""
    return {name: MARKERS[place % len(MARKERS)] for place, name in enumerate(dict.fromkeys(names))}


def cluster_colors(n_clusters: int) -> list[str]:
    """A colour for each cluster: hues a golden angle apart, so that neighbouring numbers differ."""
    from matplotlib.colors import hsv_to_rgb, to_hex

    return [
        to_hex(hsv_to_rgb(((0.58 + cluster * 0.61803398875) % 1, (0.78, 0.55, 0.9)[cluster % 3], (0.82, 0.7, 0.6)[cluster % 3])))
        for cluster in range(n_clusters)
    ]


def new_figure(width: float, height: float) -> Figure:
    """A figure of ``width`` × ``height`` inches, without pyplot and its global state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, path: Path) -> Path:
    """Write ``figure`` as PNG, atomically; the same figure gives the same bytes."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": None})
    return path


def plain(text: str) -> str:
    """``text`` as matplotlib shall show it: no mathematics, no control characters."""
    visible = "".join(letter if letter.isprintable() else "�" for letter in printable(text))
    return visible.replace("$", r"\$")


def tidy(axes: Axes, title: str = "", x: str = "", y: str = "", grid: str = "both") -> None:
    """Titles and quiet axes: a light grid behind the data, no box."""
    axes.set_title(plain(title), loc="left", fontsize=10.5, color=INK, fontweight="bold")
    axes.set_xlabel(x, fontsize=9, color=MUTED)
    axes.set_ylabel(y, fontsize=9, color=MUTED)
    axes.tick_params(labelsize=8, colors=MUTED, length=0)
    axes.set_axisbelow(True)
    if grid:
        axes.grid(True, axis=grid, color=GRID, linewidth=0.8)  # type: ignore[arg-type]
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(side == "bottom")
    axes.spines["bottom"].set_color(GRID)


def plain_log_ticks(axes: Axes, axis: str = "x") -> None:
    """Write 10 and 200, not powers of ten, on a logarithmic axis."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    target = axes.xaxis if axis == "x" else axes.yaxis
    target.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    target.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}"))
    target.set_minor_formatter(NullFormatter())
