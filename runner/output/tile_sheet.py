"""Sheets of pictures in labelled rows: groups of duplicates, or a query and what is like it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

from runner.output.atomic import atomic_path
from runner.output.sheet_style import INK, JPEG_QUALITY, MUTED, PAPER, RULE, TILE, fitted_text, font
from runner.output.thumbnails import Thumbnails

MARGIN = 28
GAP = 12
FRAME = 3
LABEL = 190
HEADER = 98
CAPTION = 22
LEGEND_GAP = 20
LABEL_LINE = 20
SIDE = 132
"""Of a tile, in pixels."""


@dataclass(frozen=True)
class Tile:
    """A picture: its row among the thumbnails, its name, a figure beside the name, and its frame's colour or None."""

    row: int
    name: str
    figure: str = ""
    frame: str | None = None


@dataclass(frozen=True)
class TileRow:
    """A labelled row of tiles, continued on further lines where it is longer than the sheet is wide.

    Attributes:
        title: bold, at the left.
        lines: facts below it.
        tiles: the pictures.
        more: how many further pictures are not shown.
    """

    title: str
    lines: Sequence[str]
    tiles: Sequence[Tile]
    more: int = 0


def write_tile_sheet(
    path: Path,
    title: str,
    subtitle: str,
    rows: Sequence[TileRow],
    thumbnails: Thumbnails,
    legend: Mapping[str, str],
    columns: int = 8,
) -> None:
    """Draw the sheet and write it as a JPEG, atomically.

    Args:
        path: where to.
        title: of the sheet.
        subtitle: facts for the second line.
        rows: from top to bottom.
        thumbnails: where the pictures come from; those of the rows are loaded.
        legend: meaning of the frames: colour by name.
        columns: most tiles beside each other.

    Raises:
        RunnerError: it can't be written.
    """
    thumbnails.load(tile.row for row in rows for tile in row.tiles)
    columns = max(4, min(columns, max((len(row.tiles) + bool(row.more) for row in rows), default=0)))
    heights = [_height(row, columns) for row in rows]
    width = 2 * MARGIN + LABEL + columns * (SIDE + GAP) - GAP
    sheet = Image.new("RGB", (width, HEADER + sum(heights) + MARGIN - GAP), PAPER)
    draw = ImageDraw.Draw(sheet)
    _draw_header(draw, title, subtitle, legend, width)
    y = HEADER
    for row, height in zip(rows, heights, strict=True):
        _draw_row(sheet, draw, row, thumbnails, y, columns)
        y += height
    with atomic_path(path) as temporary:
        sheet.save(temporary, "JPEG", quality=JPEG_QUALITY)


def _height(row: TileRow, columns: int) -> int:
    lines = max(1, -(-(len(row.tiles) + bool(row.more)) // columns))
    return max(lines * (SIDE + CAPTION + GAP), 30 + LABEL_LINE * len(row.lines) + GAP)


def _draw_header(draw: ImageDraw.ImageDraw, title: str, subtitle: str, legend: Mapping[str, str], width: int) -> None:
    widths = {name: int(font(14).getlength(name)) + 18 + LEGEND_GAP for name in legend}
    x = width - MARGIN - sum(widths.values()) + LEGEND_GAP
    large = font(24, bold=True)
    draw.text((MARGIN, 18), fitted_text(title, x - MARGIN - GAP, large), fill=INK, font=large)
    draw.text((MARGIN, 53), fitted_text(subtitle, width - 2 * MARGIN, font(15)), fill=MUTED, font=font(15))
    draw.line([(MARGIN, 82), (width - MARGIN, 82)], fill=RULE)
    for name, color in legend.items():
        draw.rectangle((x, 28, x + 12, 40), outline=color, width=FRAME)
        draw.text((x + 18, 25), name, fill=MUTED, font=font(14))
        x += widths[name]


def _draw_row(
    sheet: Image.Image, draw: ImageDraw.ImageDraw, row: TileRow, thumbnails: Thumbnails, y: int, columns: int
) -> None:
    draw.text((MARGIN, y + 4), fitted_text(row.title, LABEL - GAP, font(17, bold=True)), INK, font(17, bold=True))
    for number, line in enumerate(row.lines):
        text = fitted_text(line, LABEL - GAP, font(14))
        draw.text((MARGIN, y + 30 + LABEL_LINE * number), text, fill=INK if number == 0 else MUTED, font=font(14))
    for number, tile in enumerate(row.tiles):
        _draw_tile(sheet, draw, tile, thumbnails, _corner(number, y, columns))
    if row.more:
        x, top = _corner(len(row.tiles), y, columns)
        draw.text((x + SIDE / 2, top + SIDE / 2), f"+ {row.more:,} more", MUTED, font(15), "mm")


def _corner(number: int, y: int, columns: int) -> tuple[int, int]:
    return MARGIN + LABEL + number % columns * (SIDE + GAP), y + number // columns * (SIDE + CAPTION + GAP)


def _draw_tile(
    sheet: Image.Image,
    draw: ImageDraw.ImageDraw,
    tile: Tile,
    thumbnails: Thumbnails,
    corner: tuple[int, int],
) -> None:
    x, y = corner
    draw.rectangle((x, y, x + SIDE - 1, y + SIDE - 1), fill=TILE)
    image = thumbnails.image(tile.row)
    if image is None:
        draw.text((x + SIDE / 2, y + SIDE / 2), "file missing\nor unreadable", MUTED, font(13), "mm", align="center")
    else:
        image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
        sheet.paste(image, (x + (SIDE - image.width) // 2, y + (SIDE - image.height) // 2))
    if tile.frame is not None:
        box = (x - FRAME, y - FRAME, x + SIDE - 1 + FRAME, y + SIDE - 1 + FRAME)
        draw.rectangle(box, outline=tile.frame, width=FRAME)
    typeface = font(12)
    room = SIDE - (typeface.getlength(tile.figure) + 8 if tile.figure else 0)
    draw.text((x, y + SIDE + 5), fitted_text(tile.name, room, typeface), fill=INK, font=typeface)
    draw.text((x + SIDE, y + SIDE + 5), tile.figure, fill=MUTED, font=typeface, anchor="ra")
