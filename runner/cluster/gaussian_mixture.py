"""Gaussian mixtures: scikit-learn's EM, started from a k-means partition."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from runner.errors import RunnerError, UsageError

CovarianceType = Literal["diag", "full", "tied", "spherical"]

RELATIVE_REG_COVAR = 1e-2
"""Default of ``reg_covar``, as a share of the mean variance of the features, so that it fits any scale of the data."""


@dataclass(frozen=True)
class GaussianMixtureResult:
    """A fitted mixture, as a partition.

    Attributes:
        labels: int32, shape (n,), 0 … n_clusters-1 without gaps: the most probable component of each point.
        n_clusters: components that are the most probable one of some point; the others are left out.
        log_likelihood: natural logarithm of the data's likelihood, summed over the points.
        bic: Bayesian information criterion of the whole mixture; lower is better.
        n_iter: EM iterations run.
        converged: whether EM came to rest within ``max_iter``.
    """

    labels: np.ndarray
    n_clusters: int
    log_likelihood: float
    bic: float
    n_iter: int
    converged: bool

    @property
    def details(self) -> dict[str, int | float | bool]:
        """What a trial reports besides the labels."""
        facts = ("log_likelihood", "bic", "n_iter", "converged")
        return {name: getattr(self, name) for name in facts}


def gaussian_mixture(
    vectors: np.ndarray,
    labels_init: np.ndarray,
    *,
    covariance_type: CovarianceType = "full",
    reg_covar: float | None = None,
    max_iter: int = 100,
    tol: float = 1e-3,
    random_state: int = 0,
) -> GaussianMixtureResult:
    """Fit a Gaussian mixture by EM from a partition, one component per cluster.

    The partition (that of k-means) gives the components' initial weights, means and covariances, as scikit-learn's
    ``init_params="kmeans"`` does. Computes in float64.

    Args:
        vectors: shape (n, d), n ≥ 2, in a space of few dimensions, best a PCA space; a read-only memory map will do.
        labels_init: int, shape (n,), 0 … n_components-1, each occurring.
        covariance_type: shape of the components, as in scikit-learn.
        reg_covar: added to every variance; default ``RELATIVE_REG_COVAR`` of the features' mean variance.
        max_iter: EM iterations after which it ends unconverged.
        tol: EM ends when the mean log-likelihood per point changes by less.
        random_state: passed on; without effect, since nothing is drawn.

    Raises:
        UsageError: if an argument is out of range or shapes do not match.
        RunnerError: if a component's covariance becomes singular, or ``vectors`` is not finite.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    points = np.asarray(vectors, dtype=np.float64)
    _validate(points, labels_init, covariance_type)
    if reg_covar is None:
        reg_covar = RELATIVE_REG_COVAR * float(points.var(axis=0).mean()) or RELATIVE_REG_COVAR
    counts = np.bincount(labels_init)
    means = _sums(points, labels_init, len(counts)) / counts[:, None]
    model = GaussianMixture(
        len(counts),
        covariance_type=covariance_type,
        reg_covar=reg_covar,
        max_iter=max_iter,
        tol=tol,
        random_state=random_state,
        weights_init=counts / len(points),
        means_init=means,
        precisions_init=_precisions(points, labels_init, means, covariance_type, reg_covar),
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # reported as ``converged``
            labels = model.fit_predict(points)
            log_likelihood = float(model.score(points)) * len(points)
    except (ValueError, np.linalg.LinAlgError) as error:
        raise RunnerError(_failure(len(counts), covariance_type, reg_covar)) from error
    if not np.isfinite(log_likelihood):
        raise RunnerError(_failure(len(counts), covariance_type, reg_covar))
    present, compact = np.unique(labels, return_inverse=True)
    n_parameters = _n_parameters(len(counts), points.shape[1], covariance_type)
    return GaussianMixtureResult(
        labels=compact.astype(np.int32),
        n_clusters=len(present),
        log_likelihood=log_likelihood,
        bic=n_parameters * float(np.log(len(points))) - 2 * log_likelihood,
        n_iter=int(model.n_iter_),
        converged=bool(model.converged_),
    )


def _validate(points: np.ndarray, labels_init: np.ndarray, covariance_type: str) -> None:
    if covariance_type not in get_args(CovarianceType):
        allowed = ", ".join(get_args(CovarianceType))
        raise UsageError(f"covariance_type must be one of {allowed}, got {covariance_type!r}.")
    if points.ndim != 2 or len(points) < 2 or labels_init.shape != (len(points),):
        raise UsageError(
            f"A mixture needs one initial label per vector, got shapes {labels_init.shape} and {points.shape}."
        )
    if labels_init.min() < 0 or np.bincount(labels_init).min() == 0:
        raise UsageError("labels_init must hold every number from 0 to its largest, since each becomes a component.")
    if not np.isfinite(points).all():
        raise RunnerError(
            "The vectors hold NaN or infinite values, so they cannot be clustered; embed the images again."
        )


def _precisions(
    points: np.ndarray, labels: np.ndarray, means: np.ndarray, covariance_type: str, reg_covar: float
) -> np.ndarray:
    """Inverse covariances of a partition, in the shape that scikit-learn expects for the type."""
    counts = np.bincount(labels)
    dimension = points.shape[1]
    if covariance_type in ("diag", "spherical"):
        variances = _sums(np.square(points - means[labels]), labels, len(counts)) / counts[:, None] + reg_covar
        return 1 / (variances if covariance_type == "diag" else variances.mean(axis=1))
    ridge = reg_covar * np.eye(dimension)
    if covariance_type == "tied":
        deviations = points - means[labels]
        return _symmetric_inverse(deviations.T @ deviations / len(points) + ridge)
    precisions = np.empty((len(counts), dimension, dimension))
    members = np.split(np.argsort(labels, kind="stable"), np.cumsum(counts)[:-1])
    for component, rows in enumerate(members):
        deviations = points[rows] - means[component]
        precisions[component] = _symmetric_inverse(deviations.T @ deviations / len(rows) + ridge)
    return precisions


def _sums(values: np.ndarray, labels: np.ndarray, n_components: int) -> np.ndarray:
    """Sum of the rows of each label, shape (n_components, d)."""
    from scipy.sparse import csr_matrix

    n = len(labels)
    return csr_matrix((np.ones(n), (labels, np.arange(n))), shape=(n_components, n)) @ values


def _symmetric_inverse(matrix: np.ndarray) -> np.ndarray:
    inverse = np.linalg.inv(matrix)
    return (inverse + inverse.T) / 2


def _n_parameters(n_components: int, dimension: int, covariance_type: str) -> int:
    """Free parameters: weights, means and covariances."""
    square = dimension * (dimension + 1) // 2
    covariance = {
        "full": n_components * square,
        "tied": square,
        "diag": n_components * dimension,
        "spherical": n_components,
    }
    return n_components - 1 + n_components * dimension + covariance[covariance_type]


def _failure(n_components: int, covariance_type: str, reg_covar: float) -> str:
    return (
        f"The Gaussian mixture with n_components={n_components}, covariance_type={covariance_type} became singular; "
        f"use fewer components, a space of fewer dimensions or a reg_covar above {reg_covar:.3g}."
    )
