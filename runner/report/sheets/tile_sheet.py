"""Sheets of pictures in labelled rows: groups of duplicates, or a query and what is like it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

from runner.images.thumbnails import Thumbnails
from runner.report.sheets.style import (
    CAPTION,
    GAP,
    HEADER,
    INK,
    JPEG_QUALITY,
    MARGIN,
    MUTED,
    draw_caption,
    draw_frame,
    draw_header,
    draw_picture,
    fitted_text,
    font,
    new_sheet,
)
from runner.utils.atomic import atomic_path

LABEL = 190
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
    sheet, draw = new_sheet(width, HEADER + sum(heights) + MARGIN - GAP)
    draw_header(draw, width, title, subtitle, legend)
    y = HEADER
    for row, height in zip(rows, heights, strict=True):
        _draw_row(sheet, draw, row, thumbnails, y, columns)
        y += height
    with atomic_path(path) as temporary:
        sheet.save(temporary, "JPEG", quality=JPEG_QUALITY)


def _height(row: TileRow, columns: int) -> int:
    lines = max(1, -(-(len(row.tiles) + bool(row.more)) // columns))
    return max(lines * (SIDE + CAPTION + GAP), 30 + LABEL_LINE * len(row.lines) + GAP)


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
    sheet: Image.Image, draw: ImageDraw.ImageDraw, tile: Tile, thumbnails: Thumbnails, corner: tuple[int, int]
) -> None:
    x, y = corner
    draw_picture(sheet, draw, thumbnails.image(tile.row), corner, SIDE)
    if tile.frame is not None:
        draw_frame(draw, corner, SIDE, tile.frame)
    draw_caption(draw, (x, y + SIDE + 5), SIDE, tile.name, tile.figure)
