"""What another processor, library, block size or number of threads may change: products' last bits, and places."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numba
import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_limits

from runner.cluster import tiles as products
from runner.cluster.agglomerative import (
    distance_matrix as condensed,
)
from runner.cluster.agglomerative import (
    micro_clusters,
    reducible,
)
from runner.cluster.agglomerative import (
    neighbor_search as search,
)
from runner.cluster.graph import neighbors
from runner.cluster.kmeans import assignment as kmeans_assignment
from runner.cluster.kmeans import seeding
from runner.cluster.mixture import em as gaussian_mixture
from tests.cluster.vectors import clustered_vectors, unit


@contextmanager
def as_they_are() -> Iterator[None]:
    yield


@contextmanager
def last_bits_shifted(seed: int = 0, most: int = 1) -> Iterator[None]:
    """Every number of every product is moved by up to ``most`` units in the last place, each its own way."""
    make, random = products._product, np.random.default_rng(seed)

    def shifted(left, right, plus, out):  # type: ignore[no-untyped-def]
        result = make(left, right, plus, out)
        values = result.numpy() if isinstance(result, torch.Tensor) else result
        moved = values + random.integers(-most, most + 1, values.shape) * np.spacing(np.abs(values))
        np.copyto(values, moved.astype(values.dtype), where=np.isfinite(values))
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(products, "_product", shifted)
        yield


@contextmanager
def blocks_of(size: int) -> Iterator[None]:
    """Everything that is done in blocks is done in blocks of about ``size`` rows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(products, "TILE", size)
        patch.setattr(products.blocks, "__defaults__", (size,))
        patch.setattr(neighbors, "SECOND_LOOK", (size, 2 * size))
        patch.setattr(kmeans_assignment, "_tile_shape", lambda k, device: (size, 16 * -(-min(k, size) // 16)))
        patch.setattr(seeding, "TILE_ELEMENTS", 256 * size)
        patch.setattr(gaussian_mixture, "BLOCK_ELEMENTS", 0)
        patch.setattr(condensed, "ROWS", size)
        for module in (search, micro_clusters):
            patch.setattr(module, "ROWS", size)
            patch.setattr(module, "COLUMNS", 2 * size)
        yield


@contextmanager
def threads(count: int) -> Iterator[None]:
    """All libraries use that many threads."""
    before = torch.get_num_threads(), numba.get_num_threads()
    torch.set_num_threads(count)
    numba.set_num_threads(min(count, numba.config.NUMBA_NUM_THREADS))
    try:
        with threadpool_limits(count):
            yield
    finally:
        torch.set_num_threads(before[0])
        numba.set_num_threads(before[1])


@contextmanager
def searched_by_bounds() -> Iterator[None]:
    """Few vectors too take the paths of many: bounds in k-means, searches in linkages."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kmeans_assignment, "EXHAUSTIVE_CENTERS", (0, 0))
        patch.setattr(reducible, "MATRIX_LIMIT", 5)
        yield


def with_many_copies(n_different: int, dimension: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Different unit vectors, and how often each occurs: most once, some twice or thrice, a few by the dozen."""
    random = np.random.default_rng(seed)
    different = unit(clustered_vectors(n_different, dimension, n_clusters=8, spread=0.6, seed=seed))
    counts = random.choice([1, 2, 3], n_different, p=[0.7, 0.2, 0.1])
    counts[random.choice(n_different, 3, replace=False)] = (60, 45, 12)
    return different, counts


def lattice(side: int, dimension: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Points of a grid, where nearly every distance is a tie, some of them repeated."""
    axes = np.meshgrid(*[np.arange(1, side + 1)] * dimension, indexing="ij")
    points = np.stack(axes, -1).reshape(-1, dimension).astype(np.float32)
    random = np.random.default_rng(seed)
    return points[random.permutation(len(points))], random.choice([1, 2, 5], len(points), p=[0.8, 0.15, 0.05])


def arranged(different: np.ndarray, counts: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """All rows and each row's kind. Copies lie anywhere, but kinds first appear in the order of ``different``, on which
    what is drawn and how ties are broken may depend."""
    random = np.random.default_rng(seed)
    first_places = np.sort(random.random(len(counts)))
    numbers = np.repeat(np.arange(len(counts)), counts - 1)
    copies = first_places[numbers] + random.random(len(numbers)) * (1 - first_places[numbers])
    numbers = np.concatenate([np.arange(len(counts)), numbers])[np.argsort(np.concatenate([first_places, copies]))]
    return different[numbers], numbers
