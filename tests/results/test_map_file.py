"""Maps of embeddings of every size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from runner.cluster.flat_map import MAX_POINTS, UMAP_FROM, project
from runner.errors import RunnerError
from runner.results.map_file import read_map, save_map
from tests.report.experiments import image_names, make_results, unit_vectors

SMALL = [(1, 16, "PCA"), (2, 16, "PCA"), (4, 16, "PCA"), (5, 16, "t-SNE"), (30, 16, "t-SNE")]
FLAT = [(30, 2, "PCA"), (30, 1, "PCA")]


@pytest.mark.parametrize(("n", "dimension", "method"), SMALL + FLAT)
def test_every_size_has_a_map(n: int, dimension: int, method: str) -> None:
    drawn = project("key", unit_vectors(n, dimension), seed=1)
    assert drawn.method == method
    assert drawn.coordinates.shape == (n, 2)
    assert drawn.coordinates.dtype == np.float32
    assert np.isfinite(drawn.coordinates).all()
    assert not drawn.is_sample


def test_identical_images_have_a_map() -> None:
    drawn = project("key", np.ones((20, 8), np.float32), seed=1)
    assert drawn.method == "PCA"
    assert np.isfinite(drawn.coordinates).all()


def test_many_duplicates_have_a_map() -> None:
    vectors = np.repeat(unit_vectors(3), 20, axis=0)
    assert np.isfinite(project("key", vectors, seed=1).coordinates).all()


def test_seed_decides() -> None:
    vectors = unit_vectors(60)
    assert np.array_equal(project("key", vectors, 5).coordinates, project("key", vectors, 5).coordinates)


def test_principal_components_are_those_of_scikit_learn() -> None:
    from sklearn.decomposition import PCA

    vectors = unit_vectors(4)
    expected = PCA(2).fit_transform(vectors)
    found = project("key", vectors, 0).coordinates
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-5)


def test_sample_is_drawn_from_the_seed_and_holds_the_targets() -> None:
    vectors = unit_vectors(300)
    one = project("key", vectors, 3, keep=[7, 299], max_points=20)
    other = project("other", unit_vectors(300, seed=9), 3, keep=[7, 299], max_points=20)
    assert one.is_sample
    assert len(one.rows) == len(set(one.rows.tolist())) == 20
    assert {7, 299} <= set(one.rows.tolist())
    assert np.array_equal(one.rows, other.rows)
    assert not np.array_equal(one.rows, project("key", vectors, 4, keep=[7, 299], max_points=20).rows)
    assert MAX_POINTS <= 20_000


def test_umap_keeps_groups_apart_with_and_without_known_neighbors() -> None:
    from sklearn.neighbors import NearestNeighbors

    n = UMAP_FROM + 5
    vectors = unit_vectors(n)
    distances, indices = NearestNeighbors(n_neighbors=21).fit(vectors).kneighbors(vectors)
    known = indices[:, 1:].astype(np.int32), distances[:, 1:]
    maps = [project("key", vectors, 2), project("key", vectors, 2, neighbors=known)]
    groups = np.arange(n) % 5
    for drawn in maps:
        assert drawn.method == "UMAP"
        _, nearest = NearestNeighbors(n_neighbors=6).fit(drawn.coordinates).kneighbors(drawn.coordinates)
        assert (groups[nearest[:, 1:]] == groups[:, None]).mean() > 0.95


def test_coordinates_are_read_back(tmp_path: Path) -> None:
    results = make_results(None, image_names(12))
    drawn = project("model-224-letterbox-aa", results.vectors(results.summary.embeddings[0].key), 1)
    save_map(tmp_path, drawn, results.images)
    names, coordinates = read_map(tmp_path, "model-224-letterbox-aa")
    assert names == results.images.ids
    assert np.array_equal(coordinates, drawn.coordinates)


def test_missing_and_damaged_maps_are_named(tmp_path: Path) -> None:
    with pytest.raises(RunnerError, match="no map of embedding 'a-b'"):
        read_map(tmp_path, "a-b")
    with pytest.raises(RunnerError, match="file name"):
        read_map(tmp_path, "../a")
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "map_a-b.parquet").write_bytes(b"PAR1")
    with pytest.raises(RunnerError, match="damaged"):
        read_map(tmp_path, "a-b")
