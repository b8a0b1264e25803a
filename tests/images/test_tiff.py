"""TIFF by its specification: every usual layout, and which page is the picture. Files are written by tifffile."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from runner.images.decode import UnreadableImageError, decode_image
from runner.images.open_image import image_size

HEIGHT, WIDTH = 37, 53
GENERATOR = np.random.default_rng(0)


def off_by(path: Path, expected: np.ndarray) -> float:
    if expected.ndim == 2:
        expected = expected[..., None].repeat(3, -1)
    return float(np.abs(np.asarray(decode_image(path)).astype(float) - expected).max())


def packed_tiff(samples: np.ndarray, bits: int, photometric: int, *, order: str = "<", rows: int = 8) -> bytes:
    """An uncompressed TIFF of gray in strips, by hand; tifffile packs odd depths only with another package."""
    shifts = np.arange(bits - 1, -1, -1)
    strips = [
        np.packbits(
            (samples[top : top + rows, :, None] >> shifts & 1).astype(np.uint8).reshape(-1, WIDTH * bits), axis=1
        )
        for top in range(0, HEIGHT, rows)
    ]
    lengths = [strip.nbytes for strip in strips]
    entries = 9
    arrays = 8 + 2 + entries * 12 + 4
    data = arrays + 8 * len(strips)
    offsets = [data + sum(lengths[:number]) for number in range(len(strips))]

    def entry(tag: int, kind: int, count: int, value: int) -> bytes:
        packed = struct.pack(order + "HH", value, 0) if kind == 3 else struct.pack(order + "I", value)
        return struct.pack(order + "HHI", tag, kind, count) + packed

    directory = struct.pack(order + "H", entries) + b"".join(
        entry(*values)
        for values in (
            (256, 3, 1, WIDTH), (257, 3, 1, HEIGHT), (258, 3, 1, bits), (259, 3, 1, 1), (262, 3, 1, photometric),
            (273, 4, len(strips), arrays), (277, 3, 1, 1), (278, 3, 1, rows),
            (279, 4, len(strips), arrays + 4 * len(strips)),
        )
    )  # fmt: skip
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8)
    numbers = struct.pack(f"{order}{2 * len(strips)}I", *offsets, *lengths)
    return head + directory + bytes(4) + numbers + b"".join(strip.tobytes() for strip in strips)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("white_is_zero", [False, True])
@pytest.mark.parametrize("bits", range(1, 16))
def test_gray_of_every_depth(save: Callable[..., Path], bits: int, white_is_zero: bool, order: str) -> None:
    samples = GENERATOR.integers(0, 2**bits, (HEIGHT, WIDTH))
    if bits == 8:
        order = "<"
    path = save("gray.tif", packed_tiff(samples, bits, 0 if white_is_zero else 1, order=order))
    levels = samples / (2**bits - 1) * 255
    assert off_by(path, 255 - levels if white_is_zero else levels) <= 0.51


def test_the_depth_a_file_states_counts_not_its_largest_value(save: Callable[..., Path]) -> None:
    samples = np.full((HEIGHT, WIDTH), 1000)
    assert off_by(save("dark.tif", packed_tiff(samples, 12, 1)), samples / 4095 * 255) <= 0.51


LAYOUTS: dict[str, dict[str, Any]] = {
    "strips": {"rowsperstrip": 8},
    "one strip": {},
    "tiles": {"tile": (16, 16)},
    "zlib": {"rowsperstrip": 8, "compression": "zlib"},
    "zlib, predicted": {"rowsperstrip": 8, "compression": "zlib", "predictor": True},
    "zlib tiles": {"tile": (16, 16), "compression": "zlib"},
    "big": {"rowsperstrip": 8, "bigtiff": True},
    "big-endian": {"rowsperstrip": 8, "byteorder": ">"},
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("planes", ["contig", "separate"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("colors", ["rgb", "straight", "premultiplied", "unspecified", "cmyk"])
def test_colors(tmp_path: Path, colors: str, dtype: type, planes: str, layout: str) -> None:
    top = np.iinfo(dtype).max
    samples = GENERATOR.integers(0, int(top) + 1, (HEIGHT, WIDTH, 3 if colors == "rgb" else 4)).astype(dtype)
    if colors == "premultiplied":
        samples[..., :3] = np.minimum(samples[..., :3], samples[..., 3:])
    share = samples / top
    color, opacity = share[..., :3], share[..., 3:]
    if colors == "straight":
        color = color * opacity + 1 - opacity
    elif colors == "premultiplied":
        color = color + 1 - opacity
    elif colors == "cmyk":
        color = (1 - color) * (1 - opacity)
    extra = {"straight": "unassalpha", "premultiplied": "assocalpha", "unspecified": "unspecified"}.get(colors)
    tifffile.imwrite(
        tmp_path / "a.tif",
        samples if planes == "contig" else np.moveaxis(samples, -1, 0),
        photometric="separated" if colors == "cmyk" else "rgb",
        planarconfig=planes,
        extrasamples=[extra] if extra else None,
        **LAYOUTS[layout],
    )
    assert off_by(tmp_path / "a.tif", color * 255) <= 1.5


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
def test_gray(tmp_path: Path, photometric: str, dtype: type, layout: str) -> None:
    top = int(np.iinfo(dtype).max)
    samples = GENERATOR.integers(0, top + 1, (HEIGHT, WIDTH)).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", samples, photometric=photometric, **LAYOUTS[layout])
    levels = samples / top * 255
    assert off_by(tmp_path / "a.tif", levels if photometric == "minisblack" else 255 - levels) <= 0.51


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_gray_with_alpha(tmp_path: Path, dtype: type) -> None:
    top = int(np.iinfo(dtype).max)
    samples = GENERATOR.integers(0, top + 1, (HEIGHT, WIDTH, 2)).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", samples, photometric="minisblack", extrasamples=["unassalpha"])
    gray, opacity = samples[..., 0] / top, samples[..., 1] / top
    assert off_by(tmp_path / "a.tif", (gray * opacity + 1 - opacity) * 255) <= 1


def test_palette(tmp_path: Path) -> None:
    palette = GENERATOR.integers(0, 65536, (3, 256)).astype(np.uint16)
    index = GENERATOR.integers(0, 256, (HEIGHT, WIDTH)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", index, photometric="palette", colormap=palette)
    assert off_by(tmp_path / "a.tif", np.moveaxis(palette, 0, -1)[index] / 65535 * 255) <= 1


def test_integers_of_32_bits_go_from_their_least_to_their_largest(tmp_path: Path) -> None:
    values = GENERATOR.integers(0, 2**32, (HEIGHT, WIDTH), dtype=np.uint32)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="minisblack")
    shown = (values - values.min()) / float(values.max() - values.min()) * 255
    assert off_by(tmp_path / "a.tif", shown) <= 1


@pytest.mark.parametrize(
    ("samples", "options", "reason"),
    [
        (np.zeros((9, 9, 3), np.float32), {"photometric": "rgb"}, "floats or signed numbers that are not gray"),
        (np.zeros((9, 9, 3), np.uint8), {"photometric": "cielab"}, "CIELab"),
        (np.zeros((9, 9), np.float32), {"photometric": "miniswhite"}, "of which zero is white"),
    ],
)
def test_what_is_not_read_is_told(tmp_path: Path, samples: np.ndarray, options: dict[str, Any], reason: str) -> None:
    tifffile.imwrite(tmp_path / "a.tif", samples, **options)
    with pytest.raises(UnreadableImageError, match=f"{reason}.*save a copy as"):
        decode_image(tmp_path / "a.tif")


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """``pages((level, subfiletype), …)`` writes pages of one level each, the larger the level the larger the page."""

    def write(*levels: tuple[int, int]) -> Path:
        with tifffile.TiffWriter(tmp_path / "pages.tif") as file:
            for level, subfile in levels:
                file.write(np.full((level, level), level, np.uint8), subfiletype=subfile, photometric="minisblack")
        return tmp_path / "pages.tif"

    yield write


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        (((20, 1), (80, 0)), 80),
        (((20, 1), (30, 1), (80, 2), (90, 0)), 80),
        (((80, 0), (20, 1)), 80),
        (((20, 1), (30, 1)), 20),
    ],
)
def test_the_picture_is_the_first_page_that_is_no_reduced_one(
    pages: Callable[..., Path], levels: tuple[tuple[int, int], ...], expected: int
) -> None:
    path = pages(*levels)
    assert image_size(path) == (expected, expected)
    assert np.unique(np.asarray(decode_image(path))).tolist() == [expected]


def test_tiles_that_are_not_there(save: Callable[..., Path]) -> None:
    path = save("tiles.tif", b"")
    samples = GENERATOR.integers(0, 2**16, (HEIGHT, WIDTH, 3)).astype(np.uint16)
    tifffile.imwrite(path, samples, photometric="rgb", tile=(16, 16))
    data = bytearray(path.read_bytes())
    width = data.index(struct.pack("<H", 256), 8)
    data[width : width + 12] = struct.pack("<HHII", 256, 4, 1, 1 << 20)
    path.write_bytes(data)
    with pytest.raises(UnreadableImageError, match="12 of the 196,608 strips or tiles of its picture are there"):
        decode_image(path)


def test_tiles_too_many_to_be_read_in_time(save: Callable[..., Path]) -> None:
    path = save("tiles.tif", b"")
    tifffile.imwrite(path, shape=(17, 1 << 18), dtype=np.uint16, photometric="miniswhite", tile=(16, 16))
    with pytest.raises(UnreadableImageError, match=r"262144 × 17 pixels as TIFF would take about \d+ s to decode"):
        decode_image(path)
