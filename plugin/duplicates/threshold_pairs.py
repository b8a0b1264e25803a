"""The pairs of images just above and just below a threshold, to be judged by eye."""

from __future__ import annotations

import base64
import io
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import fiftyone.operators.types as types

from ..base.forms import HALF

if TYPE_CHECKING:
    from runner.cluster.graph.threshold_curve import Pair, ThresholdPoint

SIDE = 150
"""Of a picture, in pixels."""

_GAP = 6


def add_pairs(inputs: types.Object, paths: tuple[Path, ...], point: ThresholdPoint) -> None:
    """Show the least alike pair that a threshold still links, and the most alike that it does not.

    Args:
        inputs: the form.
        paths: file of each row.
        point: what the threshold gives.
    """
    _add_pair(inputs, "above", "Still linked", paths, point.above)
    _add_pair(inputs, "below", "Not linked any more", paths, point.below)


def _add_pair(
    inputs: types.Object, name: str, label: str, paths: tuple[Path, ...], linked: tuple[Pair, float] | None
) -> None:
    if linked is None:
        return
    (first, second), similarity = linked
    names = f"{paths[first].name} and {paths[second].name}"
    view = types.ImageView(label=f"{label}: {similarity:.4f}", description=names, alt=names, space=HALF)
    inputs.view(f"pair_{name}", view, default=_picture(paths[first], paths[second]))


@lru_cache(maxsize=128)
def _picture(first: Path, second: Path) -> str:
    """Both side by side, as a ``data:`` URI; a form asks for the same ones again and again."""
    from PIL import Image, ImageDraw

    from runner.images.thumbnails import Thumbnails
    from runner.report.sheets.style import draw_picture

    thumbnails = Thumbnails((first, second), SIDE)
    sheet = Image.new("RGBA", (2 * SIDE + _GAP, SIDE))
    for row in (0, 1):
        draw_picture(sheet, ImageDraw.Draw(sheet), thumbnails.image(row), (row * (SIDE + _GAP), 0), SIDE)
    encoded = io.BytesIO()
    sheet.save(encoded, "PNG")
    return "data:image/png;base64," + base64.b64encode(encoded.getvalue()).decode("ascii")
