"""Every measure: identical is 1, symmetric, within 0 and 1; and what each is there to find."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps
from skimage import data
from skimage.metrics import structural_similarity

from runner.images.similarity.codes import count_mutual
from runner.images.similarity.orb import FARTHEST_MATCH
from runner.images.similarity.registry import MEASURES

NAMES = list(MEASURES)


def _drawn(seed: int, width: int, height: int, detail: int) -> Image.Image:
    """From a single colour (detail 0) over blobs to noise."""
    generator = np.random.default_rng(seed)
    coarse = generator.integers(0, 256, (1 + detail, 1 + detail // 2, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.NEAREST)


IMAGES = st.builds(_drawn, st.integers(0, 9999), st.integers(1, 200), st.integers(1, 200), st.integers(0, 40))
QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("name", NAMES)
@QUICK
@given(image=IMAGES)
def test_identical_images_have_similarity_one(name: str, image: Image.Image) -> None:
    assert MEASURES[name].similarity(image, image.copy()) == 1.0


@pytest.mark.parametrize("name", NAMES)
@QUICK
@given(first=IMAGES, second=IMAGES)
def test_within_bounds_and_the_same_in_either_order(name: str, first: Image.Image, second: Image.Image) -> None:
    measure = MEASURES[name]
    similarity = measure.similarity(first, second)
    assert 0 <= similarity <= 1
    assert similarity == pytest.approx(measure.similarity(second, first), abs=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_a_resized_photograph_is_nearer_than_another(name: str) -> None:
    photograph, other = Image.fromarray(data.astronaut()), Image.fromarray(data.coffee())
    smaller = photograph.resize((200, 170), Image.Resampling.LANCZOS)
    measure = MEASURES[name]
    assert measure.similarity(photograph, smaller) > measure.similarity(photograph, other) + 0.2


@QUICK
@given(first=IMAGES, second=IMAGES)
def test_ssim_is_that_of_scikit_image(first: Image.Image, second: Image.Image) -> None:
    measure = MEASURES["ssim"]
    pictures = [measure.describe(image).features for image in (first, second)]
    assume(not any(each is None for each in pictures))
    pictures = [each / 255.0 for each in pictures]
    expected = structural_similarity(*pictures, data_range=1.0)
    assert measure.similarity(first, second) == pytest.approx(max(0.0, expected), abs=1e-9)


@QUICK
@given(first=IMAGES, second=IMAGES)
def test_orb_matches_as_opencv_does(first: Image.Image, second: Image.Image) -> None:
    import cv2

    pictures = [MEASURES["orb"].describe(image).features for image in (first, second)]
    assume(not any(each is None for each in pictures))
    matches = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(*(each.view(np.uint8) for each in pictures))
    assert count_mutual(*pictures, FARTHEST_MATCH) == sum(match.distance <= FARTHEST_MATCH for match in matches)


def test_orb_finds_a_rotated_photograph() -> None:
    photograph = Image.fromarray(data.astronaut())
    rotated, other = photograph.rotate(90), Image.fromarray(data.chelsea())
    orb = MEASURES["orb"]
    assert orb.similarity(photograph, rotated) > 0.3 > 0.1 > orb.similarity(photograph, other)


def test_template_finds_a_shifted_photograph() -> None:
    photograph = Image.fromarray(data.astronaut())
    shifted = ImageOps.expand(photograph, (40, 0, 0, 0), "white").crop((0, 0, 512, 512))
    assert MEASURES["template"].similarity(photograph, shifted) > 0.8 > MEASURES["ssim"].similarity(photograph, shifted)


@pytest.mark.parametrize("name", ["phash", "ahash", "dhash", "whash"])
def test_hashes_are_those_of_imagehash(name: str) -> None:
    import imagehash

    functions: dict[str, Callable] = {
        "phash": imagehash.phash,
        "ahash": imagehash.average_hash,
        "dhash": imagehash.dhash,
        "whash": imagehash.whash,
    }
    first, second = (Image.fromarray(array).convert("L").resize((128, 128), 3) for array in (data.cat(), data.rocket()))
    expected = functions[name](first) - functions[name](second)
    assert MEASURES[name].similarity(first, second) == 1 - expected / 64
