"""Invariants of sampling."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.images.image_set import ImageSet
from runner.images.sample import sample_images

some_ids = st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=8), min_size=1, max_size=60, unique=True)
seeds = st.integers(min_value=0)


def images_of(ids: list[str]) -> ImageSet:
    return ImageSet(
        ids=tuple(ids),
        paths=tuple(Path("/") / str(row) for row, _ in enumerate(ids)),
        labels=tuple(f"label of {image_id}" for image_id in ids),
    )


@given(some_ids, st.integers(1, 80), seeds, st.randoms(use_true_random=False))
def test_the_same_images_whatever_their_order(ids: list[str], size: int, seed: int, shuffle: object) -> None:
    shuffled = ids.copy()
    shuffle.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = sample_images(images_of(ids), size, seed), sample_images(images_of(shuffled), size, seed)
    assert set(one.ids) == set(other.ids)
    assert len(one) == min(size, len(ids))


@given(some_ids, st.integers(1, 80), st.integers(0, 80), seeds, st.data())
def test_smaller_samples_are_part_of_larger_ones(
    ids: list[str], size: int, more: int, seed: int, data: st.DataObject
) -> None:
    always = data.draw(st.sets(st.sampled_from(ids)))
    small = sample_images(images_of(ids), size, seed, always)
    large = sample_images(images_of(ids), size + more, seed, always)
    assert always <= set(small.ids) <= set(large.ids)
    assert len(small) == min(len(ids), max(size, len(always)))


@given(some_ids, st.integers(1, 80), seeds)
def test_order_paths_and_labels_are_kept(ids: list[str], size: int, seed: int) -> None:
    images = images_of(ids)
    sample = sample_images(images, size, seed)
    rows = [images.ids.index(image_id) for image_id in sample.ids]
    assert rows == sorted(rows)
    assert sample == images.subset(rows)


@given(some_ids, st.floats(0, 1, exclude_min=True), seeds)
def test_a_share_is_rounded_up(ids: list[str], share: float, seed: int) -> None:
    n_sampled = len(sample_images(images_of(ids), share, seed))
    assert n_sampled >= 1
    assert abs(n_sampled - math.ceil(share * len(ids))) <= 1
    assert n_sampled >= share * len(ids) - 1e-6


@pytest.mark.parametrize(
    ("share", "n", "expected"), [(0.05, 100, 5), (0.07, 100, 7), (0.051, 100, 6), (1.0, 7, 7), (1e-12, 3, 1)]
)
def test_shares(share: float, n: int, expected: int) -> None:
    assert len(sample_images(images_of([str(row) for row in range(n)]), share, seed=0)) == expected


def test_a_known_sample_stays_the_same_on_every_machine() -> None:
    images = images_of([f"{row}.jpg" for row in range(1000)])
    assert sample_images(images, 5, seed=42).ids == ("124.jpg", "260.jpg", "432.jpg", "562.jpg", "600.jpg")


def test_seeds_matter_and_samples_are_uniform() -> None:
    images = images_of([f"{row}.jpg" for row in range(200)])
    drawn = [set(sample_images(images, 50, seed).ids) for seed in range(400)]
    assert len({frozenset(sample) for sample in drawn}) == 400
    counts = [sum(image_id in sample for sample in drawn) for image_id in images.ids]
    assert sum(counts) == 400 * 50
    assert 55 < min(counts) <= max(counts) < 145  # mean 100, standard deviation 8.7


@pytest.mark.parametrize("size", [0, -1, 0.0, -0.5, 1.5, math.nan])
def test_impossible_sizes(size: float) -> None:
    with pytest.raises(ValueError, match="size"):
        sample_images(images_of(["a"]), size, seed=0)


def test_unknown_ids_cannot_be_kept() -> None:
    with pytest.raises(ValueError, match="nowhere"):
        sample_images(images_of(["a"]), 1, seed=0, always=["nowhere"])
