"""Contact sheets: what is where."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageColor

from runner.cluster.trial import NOISE
from runner.images.thumbnails import Thumbnails
from runner.report.sheets import contact_sheet as sheets
from runner.report.sheets.contact_sheet import SheetSource, draw_cluster_sheet, draw_overview
from runner.report.sheets.style import BORDER, MEDOID, TARGET, fitted_text, font
from runner.score.cluster_statistics import cluster_facts
from tests.report.experiments import image_names, unit_vectors, write_images


def _source(root: Path, labels: Sequence[int], targets: Sequence[int] = (), names: Sequence[str] = ()) -> SheetSource:
    names = names or image_names(len(labels))
    facts = cluster_facts(np.array(labels, dtype=np.int32), unit_vectors(len(labels)))
    thumbnails = Thumbnails(write_images(root, image_names(len(labels))))
    return SheetSource("1. kmeans (n_clusters=2)", names, thumbnails, facts, frozenset(targets))


def _has_frame(sheet: Image.Image, number: int, color: str) -> bool:
    """Whether the tile in place ``number`` of a cluster sheet has a frame of that colour."""
    x = sheets.MARGIN + (number % sheets.CLUSTER_COLUMNS) * (sheets.CLUSTER_TILE + sheets.GAP)
    step = sheets.CLUSTER_TILE + sheets.CAPTION + sheets.GAP
    y = sheets.HEADER + (number // sheets.CLUSTER_COLUMNS) * step
    return sheet.getpixel((x + 40, y - 2)) == ImageColor.getrgb(color)


def test_medoid_comes_first_and_the_border_last(tmp_path: Path) -> None:
    source = _source(tmp_path, [0] * 30)
    sheet = draw_cluster_sheet(source, 0)
    assert _has_frame(sheet, 0, MEDOID)
    assert [_has_frame(sheet, number, BORDER) for number in range(30)] == [False] * 22 + [True] * 8
    medoid = source.thumbnails.image(source.facts.medoid(0))
    assert medoid is not None
    center = sheets.CLUSTER_TILE // 2
    shown = sheet.getpixel((sheets.MARGIN + center, sheets.HEADER + center))
    expected = medoid.getpixel((medoid.width // 2, medoid.height // 2))
    assert np.abs(np.subtract(shown, expected)).max() <= 6


def test_target_is_framed(tmp_path: Path) -> None:
    source = _source(tmp_path, [0] * 12)
    place = source.facts.members(0).tolist().index(5)
    marked = SheetSource(source.title, source.ids, source.thumbnails, source.facts, frozenset([5]))
    assert _has_frame(draw_cluster_sheet(marked, 0), place, TARGET)
    assert not _has_frame(draw_cluster_sheet(source, 0), place, TARGET)


def test_sheet_of_a_large_cluster_is_bounded(tmp_path: Path) -> None:
    source = _source(tmp_path, [0] * 200 + [NOISE] * 90)
    rows = sheets.CLUSTER_IMAGES // sheets.CLUSTER_COLUMNS
    step = sheets.CLUSTER_TILE + sheets.CAPTION + sheets.GAP
    for cluster in (0, NOISE):
        assert draw_cluster_sheet(source, cluster).height <= sheets.HEADER + sheets.MARGIN + rows * step


def test_overview_has_a_row_per_cluster_largest_first_noise_last(tmp_path: Path) -> None:
    source = _source(tmp_path, [0, 0, 1, 1, 1, 2, NOISE])
    whole = draw_overview(source)
    without = draw_overview(_source(tmp_path, [0, 0, 1, 1, 1, 2]))
    step = 112 + sheets.GAP + 4
    assert whole.height - without.height == step

    def tile(number: int) -> tuple[int, ...]:
        x = sheets.MARGIN + sheets.OVERVIEW_LABEL + 56
        return whole.getpixel((x, sheets.HEADER + number * step + 56))  # type: ignore[return-value]

    for number, row in enumerate([source.facts.medoid(1), source.facts.medoid(0), 5, 6]):
        image = source.thumbnails.image(row)
        assert image is not None
        expected = image.getpixel((image.width // 2, image.height // 2))
        assert np.abs(np.subtract(tile(number), expected)).max() <= 8


def test_overview_of_many_clusters_is_bounded_and_says_so(tmp_path: Path) -> None:
    source = _source(tmp_path, [row % 40 for row in range(80)])
    bounded = draw_overview(source, at_most=5)
    assert bounded.height < draw_overview(source, at_most=6).height < 2000


def test_missing_file_leaves_a_placeholder(tmp_path: Path) -> None:
    source = _source(tmp_path, [0] * 6)
    for path in tmp_path.rglob("*.png"):
        path.unlink()
    draw_cluster_sheet(source, 0)
    draw_overview(source)
    assert set(source.thumbnails.unreadable) == set(range(6))


@pytest.mark.parametrize("labels", [[NOISE] * 4, [0], [0, NOISE]])
def test_degenerate_clusterings_have_an_overview(labels: list[int], tmp_path: Path) -> None:
    assert draw_overview(_source(tmp_path, labels)).height > sheets.HEADER


def test_odd_names_are_drawn(tmp_path: Path) -> None:
    names = ["x" * 400 + ".png", "line\nbreak.png", "caf\udce9.png", "日本🦆.png"]
    draw_cluster_sheet(_source(tmp_path, [0] * 4, names=names), 0)


@pytest.mark.parametrize("text", ["", "a.png", "a" * 300 + "_the_end.png", "W" * 50, "tab\there"])
def test_shortened_names_fit_and_keep_their_ends(text: str) -> None:
    typeface = font(12)
    shown = fitted_text(text, 120, typeface)
    assert typeface.getlength(shown) <= 120
    if len(text) > 100:
        assert shown.startswith("aaa")
        assert shown.endswith("end.png")
