"""How contact sheets look: colours, fonts and the drawing of text."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from PIL import ImageDraw, ImageFont

PAPER = "#f1f3f5"
TILE = "#ffffff"
INK = "#1c2128"
MUTED = "#6b7480"
RULE = "#d5dae0"
MEDOID = "#2563eb"
BORDER = "#e8890c"
TARGET = "#d6246e"

JPEG_QUALITY = 88


@cache
def font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which comes with matplotlib, in ``size`` pixels."""
    import matplotlib

    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name), size)


def fitted_text(text: str, width: float, typeface: ImageFont.FreeTypeFont) -> str:
    """``text``, its middle replaced by an ellipsis if it is wider than ``width`` pixels.

    The ends of a file's name tell more than its middle.
    """
    text = one_line(text)
    if typeface.getlength(text) <= width:
        return text
    low, high = 0, len(text)
    while low < high:
        kept = (low + high + 1) // 2
        low, high = (kept, high) if typeface.getlength(_shortened(text, kept)) <= width else (low, kept - 1)
    return _shortened(text, low)


def _shortened(text: str, kept: int) -> str:
    head = (kept + 1) // 2
    return f"{text[:head]}…{text[len(text) - (kept - head) :]}"


def one_line(text: str) -> str:
    """``text`` with line breaks and other control characters shown as ``�``."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)


def draw_star(draw: ImageDraw.ImageDraw, x: float, y: float, radius: float) -> None:
    """A five-pointed star, the mark of a target, centred at (x, y)."""
    from math import cos, pi, sin

    points = []
    for corner in range(10):
        length = radius if corner % 2 == 0 else radius * 0.42
        angle = pi * corner / 5 - pi / 2
        points.append((x + length * cos(angle), y + length * sin(angle)))
    draw.polygon(points, fill=TARGET, outline=PAPER)
