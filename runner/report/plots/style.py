"""The look that all plots share, and how they are saved."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from runner.results.summary import Summary
from runner.utils.atomic import atomic_path
from runner.utils.text import printable

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


def algorithm_colors(summary: Summary) -> dict[str, str]:
    """A colour for each algorithm of the experiment, the same in all its pictures."""
    names = sorted({trial.algorithm for trial in summary.trials})
    return {name: PALETTE[place % len(PALETTE)] for place, name in enumerate(names)}


def markers_of(names: Iterable[str]) -> dict[str, str]:
    """A marker for each name, in the order given."""
    return {name: MARKERS[place % len(MARKERS)] for place, name in enumerate(dict.fromkeys(names))}


def cluster_colors(n_clusters: int) -> list[str]:
    """A colour for each cluster: of even strength (OKLCH), hues a golden angle apart so that neighbours differ."""
    shades = ((0.62, 0.16), (0.72, 0.13), (0.5, 0.13))
    return [_oklch(*shades[cluster % 3], hue=(250 + 137.50776 * cluster) % 360) for cluster in range(n_clusters)]


def _oklch(lightness: float, chroma: float, hue: float) -> str:
    """A colour of the perceptual space OKLCH (Ottosson 2020) as ``#rrggbb``, clipped to what screens show."""
    angle = math.radians(hue)
    a, b = chroma * math.cos(angle), chroma * math.sin(angle)
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = (
        4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short,
    )
    return "#" + "".join(f"{round(255 * _gamma(value)):02x}" for value in linear)


def _gamma(linear: float) -> float:
    value = min(1.0, max(0.0, linear))
    return 12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055


def new_figure(width: float, height: float) -> Figure:
    """A figure of ``width`` × ``height`` inches, without pyplot and its global state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, path: Path) -> Path:
    """Write ``figure`` as PNG, atomically; the same figure gives the same bytes."""
    with atomic_path(path) as temporary, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # a letter that the font lacks is shown as a box
        figure.savefig(temporary, format="png", metadata={"Software": None})
    return path


def plain(text: str) -> str:
    """``text`` as matplotlib shall show it: no mathematics, no control characters."""
    visible = "".join(letter if letter.isprintable() else "�" for letter in printable(text))
    return visible.replace("$", r"\$")


def headline(figure: Figure, text: str) -> None:
    """The figure's title, at its upper left."""
    figure.suptitle(plain(text), x=0.01, ha="left", fontsize=11, fontweight="bold", color=INK)


def tidy(axes: Axes, title: str = "", x: str = "", y: str = "", grid: str = "both") -> None:
    """Titles and quiet axes: a light grid behind the data, no box."""
    axes.set_title(plain(title), loc="left", fontsize=10.5, color=INK, fontweight="bold")
    axes.set_xlabel(x, fontsize=9, color=MUTED)
    axes.set_ylabel(y, fontsize=9, color=MUTED)
    axes.tick_params(which="both", labelsize=8, colors=MUTED, length=0)
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
