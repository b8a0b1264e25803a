"""EVoC's layers: reproducible on any number of threads, and refused where EVoC has no answer."""

from pathlib import Path

import numba
import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from runner.cluster.evoc_layers import evoc_layers
from runner.errors import RunnerError
from tests.cluster.vectors import clustered_vectors, unit


def vectors(n: int = 600, dimension: int = 24) -> np.ndarray:
    return unit(clustered_vectors(n, dimension, seed=1))


def test_layers_are_clusterings_from_fine_to_coarse() -> None:
    layers = evoc_layers(vectors(), random_state=0)
    counts = [layer.max() + 1 for layer in layers]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > 1
    for layer, count in zip(layers, counts, strict=True):
        assert layer.dtype == np.int32
        assert layer.shape == (600,)
        assert set(np.unique(layer)) - {-1} == set(range(count))


def test_well_separated_clusters_are_found() -> None:
    labels = np.repeat(np.arange(6), 80)
    separated = unit(np.eye(24)[labels] + 0.05 * np.random.default_rng(0).standard_normal((480, 24)))
    layers = evoc_layers(separated, random_state=0, base_min_cluster_size=20)
    assert max(adjusted_rand_score(labels, layer) for layer in layers) > 0.9


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one thread only")
def test_same_labels_on_any_number_of_threads() -> None:
    blurred = unit(clustered_vectors(1000, 24, spread=1.5, seed=1))  # where EVoC itself gives either other layers
    results = []
    before = numba.get_num_threads()
    for threads in (1, 2):
        numba.set_num_threads(threads)
        results.append(evoc_layers(blurred, random_state=0))
        assert numba.get_num_threads() == threads
    numba.set_num_threads(before)
    assert all(np.array_equal(a, b) for a, b in zip(*results, strict=True))


def test_the_seed_decides() -> None:
    first = evoc_layers(vectors(), random_state=0)
    again = evoc_layers(vectors(), random_state=0)
    other = evoc_layers(vectors(), random_state=1)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert len(first) != len(other) or any(not np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_the_smallest_cluster_follows_the_parameter() -> None:
    layer = evoc_layers(vectors(), random_state=0, base_min_cluster_size=25)[0]
    assert np.bincount(layer[layer >= 0]).min() >= 25


def test_read_only_memory_map(tmp_path: Path) -> None:
    np.save(tmp_path / "vectors.npy", vectors())
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    layers = evoc_layers(mapped, random_state=0)
    expected = evoc_layers(vectors(), random_state=0)
    assert all(np.array_equal(a, b) for a, b in zip(layers, expected, strict=True))


@pytest.mark.parametrize("n", [1, 2, 15])
def test_too_few_images_are_refused(n: int) -> None:
    with pytest.raises(RunnerError, match=f"needs more than 15 images, got {n}"):
        evoc_layers(vectors()[:n], random_state=0)


def test_just_enough_images() -> None:
    assert all(layer.shape == (16,) for layer in evoc_layers(vectors(16), random_state=0))


def test_identical_images_are_refused() -> None:
    with pytest.raises(RunnerError, match="40 identical images"):
        evoc_layers(np.repeat(vectors()[:1], 40, axis=0), random_state=0)


def test_too_few_dimensions_are_refused() -> None:
    with pytest.raises(RunnerError, match="4 dimensions or more, got 3"):
        evoc_layers(vectors(dimension=3), random_state=0)
