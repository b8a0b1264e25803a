"""Camera RAW by its embedded JPEG: DNGs, which LibRaw takes as those of a camera, written by hand."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from runner.images.decode import UnreadableImageError, decode_image
from runner.images.decoder_revision import revision_of
from runner.images.open_image import exif_tags, image_size

PREVIEW = Image.fromarray(np.random.default_rng(0).integers(0, 256, (6, 8, 3)).astype(np.uint8)).resize((320, 240))
UPRIGHT = {
    1: PREVIEW,
    3: PREVIEW.transpose(Image.Transpose.ROTATE_180),
    6: PREVIEW.transpose(Image.Transpose.ROTATE_270),
    8: PREVIEW.transpose(Image.Transpose.ROTATE_90),
}


def write_dng(path: Path, orientation: int, *, preview: bool = True, cut: int = 0) -> Path:
    """A picture of a sensor, and a JPEG before it, as cameras and converters write them (DNG 1.4).

    Args:
        path: of the file.
        orientation: as EXIF counts.
        preview: whether there is a JPEG.
        cut: bytes at its end that are missing.
    """
    about: list[tuple[Any, ...]] = [
        (50706, "B", 4, (1, 4, 0, 0), True),  # version
        (50708, "s", 0, "Test Camera", True),
        (271, "s", 0, "Test", True),
        (272, "s", 0, "Camera", True),
        (274, "H", 1, orientation, True),
        (36867, "s", 0, "2024:05:01 10:00:00", True),
        (50721, "2i", 9, (1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1), True),  # colour matrix
        (50778, "H", 1, 21, True),  # daylight
    ]
    sensor: list[tuple[Any, ...]] = [
        (33421, "H", 2, (2, 2), True),
        (33422, "B", 4, (0, 1, 1, 2), True),
        (50717, "I", 1, 4095, True),
    ]
    values = np.random.default_rng(1).integers(0, 4096, (48, 64)).astype(np.uint16)
    with tifffile.TiffWriter(path) as file:
        if preview:
            jpeg = io.BytesIO()
            PREVIEW.save(jpeg, "JPEG", quality=95, subsampling=0)
            file.write(
                iter([jpeg.getvalue()[: -cut or None]]), shape=(240, 320, 3), dtype=np.uint8, photometric="ycbcr",
                compression="jpeg", subfiletype=1, extratags=about, subifds=1, metadata=None, rowsperstrip=240,
            )  # fmt: skip
            about = []
        file.write(values, photometric=32803, subfiletype=0, extratags=[*about, *sensor], metadata=None)
    return path


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_the_embedded_jpeg_upright(tmp_path: Path, orientation: int) -> None:
    path = write_dng(tmp_path / "IMG_0001.DNG", orientation)
    shown = decode_image(path)
    assert shown.size == image_size(path) == UPRIGHT[orientation].size
    assert np.abs(np.asarray(shown).astype(float) - np.asarray(UPRIGHT[orientation])).mean() < 3
    assert decode_image(path, at_least=30).size in ((80, 60), (60, 80))


def test_its_jpeg_may_lack_the_mark_of_its_end_but_no_pixel(tmp_path: Path) -> None:
    whole = decode_image(write_dng(tmp_path / "a.dng", 1))
    assert decode_image(write_dng(tmp_path / "a.dng", 1, cut=2)) == whole
    with pytest.raises(UnreadableImageError, match="truncated"):
        decode_image(write_dng(tmp_path / "a.dng", 1, cut=300))


def test_its_tags_are_the_files_own(tmp_path: Path) -> None:
    tags = exif_tags(write_dng(tmp_path / "a.dng", 6))
    assert (tags[272], tags[36867]) == ("Camera", "2024:05:01 10:00:00")


def test_what_holds_no_jpeg_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImageError, match="no JPEG to look at; develop it and save it as JPEG or TIFF"):
        decode_image(write_dng(tmp_path / "a.dng", 1, preview=False))


def test_what_is_damaged_is_refused(tmp_path: Path) -> None:
    path = write_dng(tmp_path / "a.dng", 1)
    for length in (30, 300, 3000):
        (tmp_path / "cut.dng").write_bytes(path.read_bytes()[:length])
        with pytest.raises(UnreadableImageError):
            decode_image(tmp_path / "cut.dng")


def test_it_is_not_the_small_picture_that_was_seen_before(tmp_path: Path) -> None:
    assert revision_of(write_dng(tmp_path / "a.dng", 1)) == 1
