"""Gaussian mixtures, against scikit-learn."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture

from runner.cluster.mixture.covariances import CovarianceType
from runner.cluster.mixture.em import RELATIVE_REG_COVAR, gaussian_mixture
from runner.errors import RunnerError, UsageError

COVARIANCE_TYPES = get_args(CovarianceType)


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    digits = PCA(8, random_state=0).fit_transform(load_digits().data)
    return (digits / 40).astype(np.float32)


def partition(vectors: np.ndarray, n_components: int, random_state: int) -> np.ndarray:
    """The partition that scikit-learn's mixture starts from with this seed."""
    k_means = KMeans(n_components, n_init=1, random_state=random_state)
    return k_means.fit(vectors.astype(np.float64)).labels_


@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
@pytest.mark.parametrize("n_components", [1, 2, 12])
def test_same_mixture_as_scikit_learn(vectors: np.ndarray, covariance_type: CovarianceType, n_components: int) -> None:
    points = vectors.astype(np.float64)
    reg_covar = RELATIVE_REG_COVAR * points.var(axis=0).mean()
    reference = GaussianMixture(
        n_components, covariance_type=covariance_type, reg_covar=reg_covar, random_state=7, max_iter=300
    )
    expected = np.unique(reference.fit_predict(points), return_inverse=True)[1]
    result = gaussian_mixture(vectors, partition(points, n_components, 7), covariance_type, max_iter=300)
    np.testing.assert_array_equal(result.labels, expected)
    assert result.n_iter == reference.n_iter_ and result.converged
    assert result.log_likelihood == pytest.approx(reference.score(points) * len(points), rel=1e-6)
    assert result.bic == pytest.approx(reference.bic(points), rel=1e-6)


@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_offset_and_scale_of_the_data_do_not_matter(vectors: np.ndarray, covariance_type: CovarianceType) -> None:
    start = partition(vectors, 10, 0)
    here = gaussian_mixture(vectors, start, covariance_type)
    there = gaussian_mixture(64 * vectors.astype(np.float64) + 1000, start, covariance_type)
    assert np.mean(here.labels == there.labels) > 0.999
    assert here.n_iter == there.n_iter


@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_likelihood_rises_with_the_iterations(vectors: np.ndarray, covariance_type: CovarianceType) -> None:
    start = partition(vectors, 10, 1)
    runs = [gaussian_mixture(vectors, start, covariance_type, max_iter=n, tol=0) for n in (1, 2, 4, 8, 16)]
    likelihoods = [run.log_likelihood for run in runs]
    # The regularisation is no part of the likelihood, so that it may fall by a little.
    assert np.all(np.diff(likelihoods) > -1e-3 * np.abs(likelihoods[0]))
    assert likelihoods[-1] > likelihoods[0]


def test_end_without_convergence_is_reported(vectors: np.ndarray) -> None:
    result = gaussian_mixture(vectors, partition(vectors, 10, 0), "full", max_iter=2)
    assert not result.converged and result.n_iter == 2
    assert result.details["converged"] is False
    assert result.details["log_likelihood"] == result.log_likelihood and result.details["bic"] == result.bic


@pytest.mark.parametrize("covariance_type", ["full", "tied", "diag", "spherical"])
def test_singular_covariance_is_a_failure(covariance_type: CovarianceType) -> None:
    points = np.repeat(np.array([[0.0, 0.0], [1.0, 0.0], [5.0, 0.0], [6.0, 0.0]]), 5, axis=0)
    start = np.repeat([0, 1, 2, 2] if covariance_type != "tied" else [0, 1, 2, 3], 5)
    with pytest.raises(
        RunnerError, match=f"n_components={start.max() + 1}, covariance_type={covariance_type}.*singular"
    ):
        gaussian_mixture(points, start, covariance_type, reg_covar=0)


def test_components_that_win_no_point_are_left_out() -> None:
    half = np.random.default_rng(0).normal(size=(50, 2))
    points = np.vstack([half, -half, half[:1] / 50, -half[:1] / 50])  # the small component has the same mean
    start = np.repeat([0, 1], [100, 2])
    result = gaussian_mixture(points, start, "tied", max_iter=1)
    assert result.n_clusters == 1 and not result.labels.any()


def test_identical_points_are_one_component() -> None:
    result = gaussian_mixture(np.full((6, 3), 0.25, np.float32), np.array([0, 0, 1, 1, 2, 2]), "full")
    assert result.n_clusters == 1 and np.isfinite(result.bic)


def test_read_only_memory_map_and_repetition(vectors: np.ndarray, tmp_path: Path) -> None:
    np.save(tmp_path / "vectors.npy", vectors)
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    start = partition(vectors, 10, 0)
    assert gaussian_mixture(mapped, start).bic == gaussian_mixture(vectors, start).bic
    np.testing.assert_array_equal(gaussian_mixture(mapped, start).labels, gaussian_mixture(vectors, start).labels)


def test_arguments_that_make_no_sense(vectors: np.ndarray) -> None:
    start = partition(vectors, 5, 0)
    with pytest.raises(UsageError, match=r"one of diag, full, spherical, tied, got 'round'"):
        gaussian_mixture(vectors, start, "round")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="per vector"):
        gaussian_mixture(vectors, start[:-1])
    with pytest.raises(UsageError, match="every number"):
        gaussian_mixture(vectors, np.where(start == 2, 3, start))
    with pytest.raises(UsageError, match="max_iter"):
        gaussian_mixture(vectors, start, max_iter=0)
    damaged = vectors.copy()
    damaged[3, 3] = np.inf
    with pytest.raises(RunnerError, match="infinite"):
        gaussian_mixture(damaged, start)


@settings(max_examples=50, deadline=None)
@given(
    data=hnp.arrays(
        np.float32, st.tuples(st.integers(2, 40), st.integers(1, 5)), elements=st.floats(-10, 10, width=32)
    ),
    n_components=st.integers(1, 6),
    covariance_type=st.sampled_from(COVARIANCE_TYPES),
)
def test_labels_are_compact(data: np.ndarray, n_components: int, covariance_type: CovarianceType) -> None:
    start = np.unique(np.arange(len(data)) % n_components, return_inverse=True)[1]
    result = gaussian_mixture(data, start, covariance_type)
    assert result.labels.dtype == np.int32 and result.labels.shape == (len(data),)
    np.testing.assert_array_equal(np.unique(result.labels), np.arange(result.n_clusters))
    assert np.isfinite(result.log_likelihood)
