"""Contact sheets: one cluster with its images, or all clusters of a trial, a row each.

The medoid comes first and is framed blue; the least central images come last, framed orange; targets
carry a star.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from runner.cluster.trial import NOISE
from runner.images.thumbnails import Thumbnails
from runner.report.sheets.arrangement import Arranged, Place, arrange
from runner.report.sheets.style import (
    BORDER,
    CAPTION,
    GAP,
    HEADER,
    INK,
    MARGIN,
    MEDOID,
    MUTED,
    TARGET,
    draw_caption,
    draw_frame,
    draw_header,
    draw_picture,
    draw_star,
    font,
    new_sheet,
)
from runner.score.cluster_statistics import ClusterFacts
from runner.utils.text import count_of, decimal

CLUSTER_COLUMNS = 8
CLUSTER_TILE = 176
CLUSTER_IMAGES = 64
OVERVIEW_COLUMNS = 10
OVERVIEW_LABEL = 170
OVERVIEW_CLUSTERS = 150


@dataclass(frozen=True)
class SheetSource:
    """What all sheets of one trial have in common.

    Attributes:
        title: the trial, for the header.
        ids: name of each row's image.
        thumbnails: where the pictures come from.
        facts: the clustering.
        targets: rows that carry a star.
    """

    title: str
    ids: Sequence[str]
    thumbnails: Thumbnails
    facts: ClusterFacts
    targets: frozenset[int] = frozenset()


def arranged_for_sheet(facts: ClusterFacts, cluster: int) -> Arranged:
    """The images that the sheet of ``cluster`` (or ``NOISE``) shows."""
    return arrange(facts.members(cluster), CLUSTER_IMAGES, border=CLUSTER_COLUMNS, has_medoid=cluster != NOISE)


def arranged_for_overview(facts: ClusterFacts, cluster: int) -> Arranged:
    """The images that the row of ``cluster`` (or ``NOISE``) in the overview shows."""
    return arrange(facts.members(cluster), OVERVIEW_COLUMNS, border=2, has_medoid=cluster != NOISE)


def draw_cluster_sheet(source: SheetSource, cluster: int) -> Image.Image:
    """The sheet of one cluster (or ``NOISE``): up to ``CLUSTER_IMAGES`` of its images with their names."""
    shown = arranged_for_sheet(source.facts, cluster)
    columns = min(CLUSTER_COLUMNS, max(4, len(shown.rows)))
    lines = -(-len(shown.rows) // columns)
    width = 2 * MARGIN + columns * CLUSTER_TILE + (columns - 1) * GAP
    sheet, draw = new_sheet(width, HEADER + MARGIN + lines * (CLUSTER_TILE + CAPTION + GAP))
    size = len(source.facts.members(cluster))
    facts = " · ".join([count_of(size, "image"), *_measures(source.facts, cluster)])
    if len(shown.rows) < size:
        facts += f" · {len(shown.rows)} shown, evenly down to the least similar"
    facts += f" · small figures: similarity to the {'nearest' if cluster == NOISE else 'whole'} cluster"
    draw_header(draw, width, _cluster_name(cluster), f"{facts}  —  {source.title}", _legend(source, shown))
    for number, (row, place) in enumerate(zip(shown.rows, shown.places, strict=True)):
        x = MARGIN + (number % columns) * (CLUSTER_TILE + GAP)
        y = HEADER + (number // columns) * (CLUSTER_TILE + CAPTION + GAP)
        _draw_tile(sheet, draw, source, row, place, (x, y), CLUSTER_TILE)
        name, similarity = source.ids[row].rsplit("/", 1)[-1], decimal(source.facts.centrality[row])
        draw_caption(draw, (x, y + CLUSTER_TILE + 4), CLUSTER_TILE, name, similarity)
    return sheet


def draw_overview(
    source: SheetSource, tile: int = 112, at_most: int = OVERVIEW_CLUSTERS, subtitle: str = ""
) -> Image.Image:
    """All clusters of a trial, the largest first, a row each; the noise last.

    Args:
        source: the trial.
        tile: side of a tile in pixels.
        at_most: clusters shown; a note counts the others.
        subtitle: facts for the second line of the header.
    """
    facts = source.facts
    shown = facts.by_size[:at_most]
    noise = [NOISE] if len(facts.members(NOISE)) else []
    width = 2 * MARGIN + OVERVIEW_LABEL + OVERVIEW_COLUMNS * (tile + GAP) - GAP
    step = max(tile, 84) + GAP + 4
    hidden = facts.n_clusters - len(shown)
    sheet, draw = new_sheet(width, HEADER + (len(shown) + len(noise)) * step + (40 if hidden else 0) + MARGIN - GAP)
    draw_header(draw, width, source.title, subtitle, _legend(source, None))
    y = HEADER
    for cluster in shown:
        _draw_overview_row(sheet, draw, source, cluster, y, tile)
        y += step
    if hidden:
        images = int(sum(facts.sizes[cluster] for cluster in facts.by_size[at_most:]))
        note = f"{count_of(hidden, 'smaller cluster')} with {count_of(images, 'image')} not shown here"
        draw.text((MARGIN, y + 6), note, fill=MUTED, font=font(15))
        y += 40
    for cluster in noise:
        _draw_overview_row(sheet, draw, source, cluster, y, tile)
    return sheet


def _cluster_name(cluster: int) -> str:
    return "Noise" if cluster == NOISE else f"Cluster {cluster}"


def _measures(facts: ClusterFacts, cluster: int) -> Iterator[str]:
    """Mean similarity and silhouette, where they are defined."""
    if cluster == NOISE:
        return
    if np.isfinite(facts.cohesion[cluster]):
        lowest = facts.lowest_similarity[cluster]
        least = f", lowest {decimal(lowest)}" if np.isfinite(lowest) else ""
        yield f"similarity {decimal(facts.cohesion[cluster])}{least}"
    silhouette = facts.mean_silhouette(cluster)
    if silhouette is not None:
        yield f"silhouette {decimal(silhouette)}"


def _legend(source: SheetSource, shown: Arranged | None) -> dict[str, str]:
    """What the frames mean: those that ``shown`` has, else all."""
    places = {Place.MEDOID, Place.BORDER} if shown is None else set(shown.places)
    has_target = bool(source.targets) if shown is None else not source.targets.isdisjoint(shown.rows)
    entries = [("medoid", MEDOID, Place.MEDOID in places), ("least similar", BORDER, Place.BORDER in places)]
    return {name: color for name, color, present in [*entries, ("target", TARGET, has_target)] if present}


def _draw_overview_row(
    sheet: Image.Image, draw: ImageDraw.ImageDraw, source: SheetSource, cluster: int, y: int, tile: int
) -> None:
    shown = arranged_for_overview(source.facts, cluster)
    draw.text((MARGIN, y + 4), _cluster_name(cluster), fill=INK, font=font(17, bold=True))
    size = len(source.facts.members(cluster))
    for line, text in enumerate([count_of(size, "image"), *_measures(source.facts, cluster)]):
        draw.text((MARGIN, y + 30 + 20 * line), text, fill=INK if line == 0 else MUTED, font=font(14))
    for number, (row, place) in enumerate(zip(shown.rows, shown.places, strict=True)):
        x = MARGIN + OVERVIEW_LABEL + number * (tile + GAP)
        _draw_tile(sheet, draw, source, row, place, (x, y), tile)


def _draw_tile(
    sheet: Image.Image,
    draw: ImageDraw.ImageDraw,
    source: SheetSource,
    row: int,
    place: Place,
    corner: tuple[int, int],
    side: int,
) -> None:
    x, y = corner
    draw_picture(sheet, draw, source.thumbnails.image(row), corner, side)
    color = {Place.MEDOID: MEDOID, Place.BORDER: BORDER}.get(place)
    if color is not None:
        draw_frame(draw, corner, side, color)
    if row in source.targets:
        draw_frame(draw, corner, side, TARGET)
        draw_star(draw, x + side - 14, y + 14, 13)
