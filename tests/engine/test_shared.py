"""The map that is drawn beside the sweep."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from runner.cluster.flat_map import project
from runner.cluster.geometry import build_geometry
from runner.cluster.spaces import Space
from runner.engine.shared import shared_map
from tests.cluster.vectors import clustered_vectors, unit


@pytest.mark.parametrize("n", [4, 60])
def test_it_is_the_map_of_the_vectors_and_kept(tmp_path: Path, n: int) -> None:
    vectors = unit(clustered_vectors(n, 8, seed=0))
    np.save(tmp_path / "vectors.npy", vectors)
    geometry = build_geometry(
        tmp_path / "none", Space.parse("none"), tmp_path / "vectors.npy", base=None, min_samples=2, seed=0
    )
    expected = project("key", vectors, 3)
    for _ in range(2):
        found = shared_map(geometry, "key", 3, ())
        assert found.method == expected.method and found.n_images == n
        assert np.array_equal(found.rows, expected.rows)
        np.testing.assert_array_equal(found.coordinates, expected.coordinates)
    assert len(list((tmp_path / "none").glob("map-*.npy"))) == 1
