from __future__ import annotations

import numpy as np
import open_clip
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from runner.embed.embedding_config import Fit
from runner.embed.preprocess import PADDING, View, normalize, to_batch

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.3, 0.25)

sides = st.integers(min_value=1, max_value=300)


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
@pytest.mark.parametrize("size", [(640, 480), (480, 640), (300, 300), (37, 61), (1024, 333), (224, 225), (7, 5)])
@pytest.mark.parametrize("resolution", [224, 97])
def test_center_crop_is_open_clips_own(size: tuple[int, int], resolution: int, interpolation: str) -> None:
    image = noise(*size)
    transform = open_clip.image_transform(resolution, is_train=False, mean=MEAN, std=STD, interpolation=interpolation)
    ours = normalize(to_batch([View(resolution, Fit.CENTER_CROP, interpolation).of(image)]), MEAN, STD)
    torch.testing.assert_close(ours[0], transform(image), rtol=0, atol=1e-6)


@pytest.mark.parametrize("size", [(640, 480), (90, 200)])
def test_resize_is_open_clips_squash(size: tuple[int, int]) -> None:
    image = noise(*size)
    transform = open_clip.image_transform(224, is_train=False, mean=MEAN, std=STD, resize_mode="squash")
    ours = normalize(to_batch([View(224, Fit.RESIZE).of(image)]), MEAN, STD)
    torch.testing.assert_close(ours[0], transform(image), rtol=0, atol=1e-6)


@given(width=sides, height=sides, resolution=st.integers(min_value=16, max_value=64))
@settings(max_examples=60, deadline=None)
def test_letterbox_keeps_the_whole_image_in_the_middle(width: int, height: int, resolution: int) -> None:
    view = View(resolution, Fit.LETTERBOX).of(Image.new("RGB", (width, height), (200, 0, 0)))
    assert view.shape == (resolution, resolution, 3)
    painted = (view != PADDING).any(axis=2)
    rows, columns = np.flatnonzero(painted.any(axis=1)), np.flatnonzero(painted.any(axis=0))
    assert painted[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()  # one rectangle, nothing in it is lost
    across, down = len(columns), len(rows)
    assert max(across, down) == resolution
    assert abs(across / resolution - width / max(width, height)) <= 0.51 / resolution or across == 1
    assert abs(down / resolution - height / max(width, height)) <= 0.51 / resolution or down == 1
    for first, last in ((rows[0], rows[-1]), (columns[0], columns[-1])):
        assert abs(first - (resolution - 1 - last)) <= 1  # centred to half a pixel


@given(width=sides, height=sides, fit=st.sampled_from(list(Fit)))
@settings(max_examples=40, deadline=None)
def test_every_shape_of_image_fits(width: int, height: int, fit: Fit) -> None:
    assert View(32, fit).of(noise(width, height)).shape == (32, 32, 3)


@pytest.mark.parametrize("size", [(1, 20_000), (20_000, 1), (30, 4000)])
def test_a_long_strip_is_cropped_before_it_is_enlarged(size: tuple[int, int]) -> None:
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    strip = pixels if size[1] > size[0] else pixels.transpose(1, 0, 2)
    strip[len(strip) * 9 // 20 : len(strip) * 11 // 20 + 1] = 255
    assert (View(224, Fit.CENTER_CROP).of(Image.fromarray(pixels)) == 255).all()


def test_fits_and_resolutions_show_different_pixels() -> None:
    image = noise(60, 40)
    views = [View(resolution, fit).of(image) for resolution in (32, 48) for fit in Fit]
    assert len({view.tobytes() for view in views}) == 6


def test_batch_keeps_channels_side_by_side() -> None:
    batch = to_batch([np.zeros((8, 8, 3), np.uint8)] * 2)
    assert batch.shape == (2, 3, 8, 8)
    assert normalize(batch, MEAN, STD).is_contiguous(memory_format=torch.channels_last)
