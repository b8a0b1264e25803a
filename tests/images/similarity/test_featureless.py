"""Where a measure finds nothing to compare, its similarity is 0 to all but the same pixels."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from runner.images.decode import decode_image
from runner.images.similarity import compare as pairs_module
from runner.images.similarity.compare import compare_images
from runner.images.similarity.featureless import comparable, is_flat, pixel_digest
from runner.images.similarity.registry import MEASURES
from runner.images.similarity.time_window import TimeWindow

SIZE = (200, 150)
COLOURS = ("white", "black", (128,) * 3, "red", (76,) * 3, (0, 0, 254), (0, 0, 255))
"""Pure red is as bright as the grey (76, 76, 76)."""


def _texture(period: int, level: int) -> Image.Image:
    """Stripes across both sides that no square of 8 × 8 pixels of the picture differs by."""
    rows, columns = np.indices((256, 256))
    return Image.fromarray((level + 60 * ((rows // period + columns // period) % 2)).astype(np.uint8)).convert("RGB")


def _rounded(seed: int) -> Image.Image:
    """Light grey that differs by rounding alone."""
    return Image.fromarray(np.random.default_rng(seed).integers(253, 255, (64, 64), dtype=np.uint8)).convert("RGB")


@pytest.mark.parametrize("name", list(MEASURES))
def test_pictures_of_one_colour(name: str) -> None:
    measure = MEASURES[name]
    plain = [Image.new("RGB", SIZE, colour) for colour in COLOURS] + [_rounded(0), _rounded(1)]
    others = [Image.fromarray(data.astronaut()), Image.fromarray(data.page()).convert("RGB")]
    described = [measure.describe(image) for image in (*plain, *others)]
    for first, second in combinations(range(len(described)), 2):
        if min(first, second) < len(plain):
            assert measure.compare(described[first], described[second]) == 0, (first, second)
    for image in plain:
        assert measure.similarity(image, image.copy()) == 1


@pytest.mark.parametrize(
    ("name", "pictures"),
    [
        ("ahash", [_texture(2, 20), _texture(4, 20), Image.new("RGB", (256, 256), (50,) * 3)]),
        ("whash", [_texture(2, 20), _texture(2, 80)]),
        ("dhash", [Image.linear_gradient("L"), Image.linear_gradient("L").transpose(Image.Transpose.FLIP_TOP_BOTTOM)]),
        ("orb", [Image.linear_gradient("L"), Image.linear_gradient("L").rotate(90)]),
        ("minhash", [Image.linear_gradient("L").resize((256, 256)), Image.new("RGB", (256, 256), "white")]),
    ],
)
def test_what_one_measure_can_not_see(name: str, pictures: list[Image.Image]) -> None:
    measure = MEASURES[name]
    for first, second in combinations(pictures, 2):
        assert measure.similarity(first, second) == 0
        assert measure.similarity(first, first.copy()) == 1


def test_the_faintest_difference_that_is_no_rounding_is_seen() -> None:
    faint = Image.fromarray(np.repeat(np.array([250, 255], dtype=np.uint8), 100)[None].repeat(150, axis=0))
    for name in ("phash", "ahash", "dhash", "whash"):
        assert MEASURES[name].describe(faint).features is not None
    assert is_flat(np.full((3, 3), 7)) and not is_flat(np.array([0.0, 1.5]))


def test_equal_pixels_have_the_same_size_and_colours(tmp_path: Path) -> None:
    Image.new("RGB", (900, 600), "white").save(tmp_path / "white.png")
    Image.new("L", (900, 600), 255).save(tmp_path / "white.jpg")
    Image.new("RGB", (901, 600), "white").save(tmp_path / "wider.png")
    reduced = {path.name: decode_image(path, at_least=64) for path in tmp_path.iterdir()}
    assert reduced["white.jpg"].size != reduced["white.png"].size  # JPEGs are decoded at reduced scale
    digests = {name: pixel_digest(image) for name, image in reduced.items()}
    assert digests["white.jpg"] == digests["white.png"] != digests["wider.png"]


def test_which_pairs_can_be_compared() -> None:
    pairs = np.array([[0, 1], [1, 2], [2, 4], [2, 5], [0, 3]])
    compared, equal = comparable(pairs, {2: b"white", 4: b"white", 5: b"red"})
    assert compared.tolist() == [True, False, False, False, True]
    assert equal.tolist() == [False, False, True, False, False]
    assert [each.tolist() for each in comparable(pairs[:2], {})] == [[True, True], [False, False]]


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three white pictures, other colours, and four that show something."""
    folder = tmp_path_factory.mktemp("mixed")
    pictures = [Image.new("RGB", SIZE, colour) for colour in ("white", "red", "white", "blue", "white")]
    for seed in range(4):
        coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        pictures.append(Image.fromarray(coarse).resize(SIZE))
    for number, picture in enumerate(pictures):
        picture.save(folder / f"{number}.{'jpg' if number == 2 else 'png'}")
    return sorted(folder.iterdir())


@pytest.mark.parametrize("windowed", [False, True])
@pytest.mark.parametrize("all_pairs", [0, 1000])
@pytest.mark.parametrize("name", list(MEASURES))
def test_many_compared_link_the_same_pixels_alone(
    name: str, all_pairs: int, windowed: bool, mixed: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairs_module, "ALL_PAIRS", all_pairs)
    window = TimeWindow(np.array([7.0, 1, 0, 3, 4, 5, 6, 7, 8]), 4) if windowed else None  # 0 and 2 are 7 s apart
    neighbors = np.roll(np.arange(9), 1)[:, None]
    compared = compare_images(mixed, MEASURES[name], neighbors, window=window)
    plain = (compared.edges < 5).any(axis=1)
    linked = {tuple(sorted(pair)) for pair in compared.edges[plain].tolist()}
    assert linked <= {(0, 2), (2, 4), (0, 4)} and len(linked) >= 2
    assert not windowed or linked == {(2, 4), (0, 4)}
    assert (compared.similarities[plain] == 1).all()
    assert {row for pair in compared.edges[~plain].tolist() for row in pair} == {5, 6, 7, 8}


@pytest.mark.parametrize("name", ["phash", "ssim"])
def test_nothing_but_plain_pictures(name: str, mixed: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs_module, "ALL_PAIRS", 0)
    compared = compare_images(mixed[:5], MEASURES[name])
    assert sorted(map(tuple, compared.edges.tolist())) == [(0, 2), (2, 4)] and not len(compared.sampled)
