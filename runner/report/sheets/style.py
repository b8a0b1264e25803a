"""How sheets of pictures look: colours, fonts, header, pictures and captions."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

PAPER = "#f1f3f5"
TILE = "#ffffff"
INK = "#1c2128"
MUTED = "#6b7480"
RULE = "#d5dae0"
MEDOID = "#2563eb"
BORDER = "#e8890c"
TARGET = "#d6246e"

JPEG_QUALITY = 88

MARGIN = 28
GAP = 12
FRAME = 3
HEADER = 98
"""Height of the header, in pixels like all lengths."""

CAPTION = 22
LEGEND_GAP = 20


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
    text = _one_line(text)
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


def _one_line(text: str) -> str:
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


def new_sheet(width: int, height: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """An empty sheet, and what draws on it."""
    sheet = Image.new("RGB", (width, height), PAPER)
    return sheet, ImageDraw.Draw(sheet)


def draw_header(draw: ImageDraw.ImageDraw, width: int, title: str, facts: str, legend: Mapping[str, str]) -> None:
    """Title and facts, and at the right what the frames mean: their colours by name."""
    x = width - MARGIN - sum(map(_legend_width, legend)) + LEGEND_GAP
    large = font(24, bold=True)
    draw.text((MARGIN, 18), fitted_text(title, x - MARGIN - GAP, large), fill=INK, font=large)
    draw.text((MARGIN, 53), fitted_text(facts, width - 2 * MARGIN, font(15)), fill=MUTED, font=font(15))
    draw.line([(MARGIN, 82), (width - MARGIN, 82)], fill=RULE)
    for name, color in legend.items():
        if color == TARGET:
            draw_star(draw, x + 6, 34, 9)
        else:
            draw.rectangle((x, 28, x + 12, 40), outline=color, width=FRAME)
        draw.text((x + 18, 25), name, fill=MUTED, font=font(14))
        x += _legend_width(name)


def _legend_width(name: str) -> int:
    return int(font(14).getlength(name)) + 18 + LEGEND_GAP


def draw_picture(
    sheet: Image.Image, draw: ImageDraw.ImageDraw, image: Image.Image | None, corner: tuple[int, int], side: int
) -> None:
    """A thumbnail in the middle of its tile, or a word where there is none."""
    x, y = corner
    draw.rectangle((x, y, x + side - 1, y + side - 1), fill=TILE)
    if image is None:
        draw.text((x + side / 2, y + side / 2), "file missing\nor unreadable", MUTED, font(13), "mm", align="center")
        return
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    sheet.paste(image, (x + (side - image.width) // 2, y + (side - image.height) // 2))


def draw_frame(draw: ImageDraw.ImageDraw, corner: tuple[int, int], side: int, color: str) -> None:
    """A frame around a tile."""
    x, y = corner
    draw.rectangle((x - FRAME, y - FRAME, x + side - 1 + FRAME, y + side - 1 + FRAME), outline=color, width=FRAME)


def draw_caption(draw: ImageDraw.ImageDraw, corner: tuple[int, int], width: int, name: str, figure: str) -> None:
    """A name at the left, shortened where it must be, and a figure at the right."""
    x, y = corner
    typeface = font(12)
    room = width - (typeface.getlength(figure) + 8 if figure else 0)
    draw.text((x, y), fitted_text(name, room, typeface), fill=INK, font=typeface)
    draw.text((x + width, y), figure, fill=MUTED, font=typeface, anchor="ra")
