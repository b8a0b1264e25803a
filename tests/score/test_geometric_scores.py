"""Silhouette, Davies–Bouldin and Calinski–Harabasz against scikit-learn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_score
from sklearn.metrics import silhouette_samples as reference_samples

from runner.score import cluster_geometry as cluster_geometry_module
from runner.score.calinski_harabasz import calinski_harabasz
from runner.score.cluster_geometry import cluster_geometry
from runner.score.davies_bouldin import davies_bouldin
from runner.score.silhouette import silhouette, silhouette_samples
from tests.score.clusterings import blobs, with_noise

CASES = [(400, 16, 7, 0.0), (400, 16, 7, 0.3), (300, 64, 60, 0.2), (500, 3, 2, 0.0), (90, 5, 30, 0.1)]


def case(n: int, dimension: int, n_clusters: int, noise: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, vectors, and which images are clustered."""
    vectors, truth = blobs(n, dimension, n_clusters, seed=n + n_clusters)
    labels = with_noise(truth, noise, seed=1)
    return labels, vectors, labels >= 0


@pytest.mark.parametrize("parameters", CASES)
def test_silhouettes_are_scikit_learns(parameters: tuple[int, int, int, float]) -> None:
    labels, vectors, clustered = case(*parameters)
    exact = vectors[clustered].astype(np.float64)
    samples = silhouette_samples(labels, vectors)
    np.testing.assert_allclose(
        samples[clustered], reference_samples(exact, labels[clustered], metric="cosine"), atol=1e-5
    )
    assert samples[clustered].mean() == pytest.approx(
        silhouette_score(exact, labels[clustered], metric="cosine"), abs=1e-6
    )
    assert not samples[~clustered].any()
    assert silhouette(labels, vectors) == pytest.approx(samples.sum() / len(labels))


@pytest.mark.parametrize("parameters", CASES)
def test_indices_of_variance_are_scikit_learns(parameters: tuple[int, int, int, float]) -> None:
    labels, vectors, clustered = case(*parameters)
    exact = vectors[clustered].astype(np.float64)
    assert davies_bouldin(labels, vectors) == pytest.approx(davies_bouldin_score(exact, labels[clustered]), rel=1e-5)
    assert calinski_harabasz(labels, vectors) == pytest.approx(
        calinski_harabasz_score(exact, labels[clustered]), rel=1e-5
    )


def test_vectors_crowded_into_a_narrow_cone_keep_their_accuracy() -> None:
    """Untrained networks give cosines of 0.999 and more; single precision must not eat what is left."""
    vectors, labels = blobs(600, 32, 8, seed=3)
    crowded = np.ones(32) / np.sqrt(32) + 0.01 * vectors
    crowded = (crowded / np.linalg.norm(crowded, axis=1, keepdims=True)).astype(np.float32)
    expected = silhouette_score(crowded.astype(np.float64), labels, metric="cosine")
    assert silhouette(labels, crowded) == pytest.approx(expected, abs=1e-5)


def test_identical_images_and_zero_vectors() -> None:
    vectors = np.repeat(np.eye(3, 300, dtype=np.float32) * 0.6 + 0.8 / np.sqrt(300), 20, axis=0)
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    labels = np.repeat([0, 1, 2], 20)
    np.testing.assert_array_equal(silhouette_samples(labels, vectors), np.ones(60))
    split = labels.copy()
    split[:10] = 3  # the same images in two clusters
    assert not silhouette_samples(split, vectors)[:20].any()
    vectors[0] = 0
    expected = reference_samples(vectors.astype(np.float64), labels, metric="cosine")
    np.testing.assert_allclose(silhouette_samples(labels, vectors), expected, atol=1e-5)


def test_clusters_that_coincide_are_skipped_as_scikit_learn_does() -> None:
    point, other = [1.0, 0.0], [0.0, 1.0]
    vectors = np.array([point, other, point, other, [0.6, 0.8], [0.8, 0.6]])
    labels = np.array([0, 0, 1, 1, 2, 2])
    assert davies_bouldin(labels, vectors) == pytest.approx(davies_bouldin_score(vectors, labels), rel=1e-5)


def test_blocks_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, truth = blobs(300, 8, 40, seed=4)
    labels = with_noise(truth, 0.2, seed=4)
    whole = silhouette_samples(labels, vectors), davies_bouldin(labels, vectors), calinski_harabasz(labels, vectors)
    monkeypatch.setattr(cluster_geometry_module, "BLOCK_BYTES", 1000)
    np.testing.assert_allclose(silhouette_samples(labels, vectors), whole[0], atol=1e-6)
    assert davies_bouldin(labels, vectors) == pytest.approx(whole[1])
    assert calinski_harabasz(labels, vectors) == pytest.approx(whole[2])


def test_a_read_only_memory_map_will_do(tmp_path: Path) -> None:
    vectors, labels = blobs(100, 8, 4, seed=5)
    np.save(tmp_path / "vectors.npy", vectors)
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    assert silhouette(labels, mapped) == silhouette(labels, vectors)


@pytest.mark.parametrize("labels", [[0, 0, 0, 0], [-1, -1, -1, -1], [-1, 2, 2, -1]], ids=["one", "noise", "one+noise"])
def test_fewer_than_two_clusters_are_undefined(labels: list[int]) -> None:
    vectors = np.eye(4, dtype=np.float32)
    array = np.array(labels)
    assert silhouette(array, vectors) is None
    assert davies_bouldin(array, vectors) is None
    assert calinski_harabasz(array, vectors) is None
    assert not silhouette_samples(array, vectors).any()


def test_singletons() -> None:
    vectors = np.eye(4, dtype=np.float32)
    assert silhouette(np.arange(4), vectors) == 0
    assert davies_bouldin(np.arange(4), vectors) is None
    assert calinski_harabasz(np.arange(4), vectors) is None


def test_a_ratio_without_bound_is_undefined() -> None:
    vectors = np.repeat(np.eye(2, dtype=np.float32), 3, axis=0)
    assert calinski_harabasz(np.repeat([0, 1], 3), vectors) is None


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 12), st.floats(0, 0.9))
def test_numbers_of_clusters_do_not_matter(seed: int, n_clusters: int, noise: float) -> None:
    vectors, truth = blobs(60, 6, n_clusters, seed=seed)
    labels = with_noise(truth, noise, seed)
    renamed = np.where(labels < 0, -1, np.random.default_rng(seed).permutation(n_clusters)[labels] * 1000 + 7)
    np.testing.assert_allclose(silhouette_samples(renamed, vectors), silhouette_samples(labels, vectors), atol=1e-6)
    for score in (davies_bouldin, calinski_harabasz):
        before, after = score(labels, vectors), score(renamed, vectors)
        assert (before is None) == (after is None)
        assert before is None or before == pytest.approx(after)


@pytest.mark.parametrize(
    ("labels", "vectors", "message"),
    [
        (np.array([]), np.zeros((0, 2), np.float32), "non-empty"),
        (np.array([[0, 1]]), np.zeros((2, 2), np.float32), "non-empty"),
        (np.array([0.0, 1.0]), np.zeros((2, 2), np.float32), "integers"),
        (np.array([0, -2]), np.zeros((2, 2), np.float32), "at least -1"),
        (np.array([0, 1]), np.zeros((3, 2), np.float32), "shape"),
        (np.array([0, 1]), np.zeros(2, np.float32), "shape"),
        (np.array([0, 1]), np.zeros((2, 2), int), "floats"),
    ],
)
def test_misshapen_input_is_refused(labels: np.ndarray, vectors: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cluster_geometry(labels, vectors)
