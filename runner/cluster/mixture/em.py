"""Gaussian mixtures, fitted by EM from a k-means partition."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runner.cluster.distinct_rows import DistinctRows, distinct_rows
from runner.cluster.mixture.covariances import (
    COVARIANCE_MODELS,
    Components,
    CovarianceModel,
    CovarianceType,
    SingularCovarianceError,
)
from runner.cluster.tiles import blocks, multiply
from runner.errors import RunnerError, UsageError

RELATIVE_REG_COVAR = 1e-2
"""Default of ``reg_covar``, as a share of the mean variance of the features, so that it fits any scale of the data."""

BLOCK_ELEMENTS = 2**17
"""Statistics, or responsibilities, held at once, few enough for the cache; the number of points in a block follows."""

EQUALLY_PROBABLE = 1e-9
"""Components whose log probabilities of a point differ by less, as a share of them if that is more, are equally
probable: rounding may have parted them. The first of them has the point."""

NEGLIGIBLE = -230.0
"""Log responsibilities are raised to this, 1e-100: products with still smaller ones are denormal, hence very slow."""


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
    covariance_type: CovarianceType = "full",
    *,
    reg_covar: float | None = None,
    max_iter: int = 100,
    tol: float = 1e-3,
    distinct: DistinctRows | None = None,
) -> GaussianMixtureResult:
    """Fit a Gaussian mixture by EM from a partition, one component per cluster.

    The result is that of ``sklearn.mixture.GaussianMixture`` from the same partition (``init_params="kmeans"``), in
    double precision, at a fraction of the time for ``full`` and ``tied``. Nothing is random. Equal vectors are one
    point with a weight.

    Args:
        vectors: shape (n, d) in a space of few dimensions, best a PCA space; a read-only memory map will do.
        labels_init: int, shape (n,), 0 … n_components-1, each occurring; the same for equal vectors, else that of the
            first of them counts.
        covariance_type: shape of the components, as in scikit-learn.
        reg_covar: added to every variance; default ``RELATIVE_REG_COVAR`` of the features' mean variance.
        max_iter: EM iterations after which it ends unconverged.
        tol: EM ends when the mean log-likelihood per point changes by less.
        distinct: the different vectors where they are known already.

    Raises:
        UsageError: if an argument is out of range or shapes do not match.
        RunnerError: if a component's covariance becomes singular, or ``vectors`` is not finite.
    """
    _validate(vectors, labels_init, covariance_type, max_iter)
    distinct = distinct or distinct_rows(vectors)
    points = np.array(distinct.of(vectors).T, dtype=np.float64, order="C")
    weights = distinct.weights.astype(np.float64)
    points -= (points @ weights / len(vectors))[:, None]
    if reg_covar is None:
        reg_covar = RELATIVE_REG_COVAR * (float(np.square(points).mean(axis=0) @ weights) / len(vectors) or 1.0)
    model = COVARIANCE_MODELS[covariance_type](len(points), reg_covar)
    n_components = int(labels_init.max()) + 1
    try:
        labels, log_likelihood, n_iter, converged = _fit(
            points, weights, distinct.of(labels_init), model, max_iter, tol
        )
    except SingularCovarianceError as error:
        raise RunnerError(
            f"The Gaussian mixture with n_components={n_components}, covariance_type={covariance_type} became "
            f"singular; use fewer components, fewer dimensions or a reg_covar above {reg_covar:.3g}."
        ) from error
    present, compact = np.unique(labels, return_inverse=True)
    return GaussianMixtureResult(
        labels=distinct.spread(compact.astype(np.int32)),
        n_clusters=len(present),
        log_likelihood=log_likelihood,
        bic=model.n_parameters(n_components) * float(np.log(len(vectors))) - 2 * log_likelihood,
        n_iter=n_iter,
        converged=converged,
    )


@dataclass(frozen=True)
class _Expectation:
    """What an E-step finds: total log-likelihood, and the weighted sums that the M-step needs."""

    log_likelihood: float
    sums: np.ndarray


def _fit(
    points: np.ndarray, weights: np.ndarray, labels_init: np.ndarray, model: CovarianceModel, max_iter: int, tol: float
) -> tuple[np.ndarray, float, int, bool]:
    """Labels and log-likelihood of the last E-step, the number of iterations and whether they converged; in
    scikit-learn's order of steps."""
    scatter = (weights * points) @ points.T
    components = model.fit(_sums_of_partition(points, weights, labels_init, model), scatter)
    previous, converged, n_iter = -np.inf, False, 0
    while not converged and n_iter < max_iter:
        n_iter += 1
        step = _expect(points, weights, components, model)
        components = model.fit(step.sums, scatter)
        mean = step.log_likelihood / float(weights.sum())
        converged = abs(mean - previous) < tol
        previous = mean
    labels = np.empty(points.shape[1], np.int32)
    return labels, _expect(points, weights, components, model, labels).log_likelihood, n_iter, converged


def _sums_of_partition(
    points: np.ndarray, weights: np.ndarray, labels: np.ndarray, model: CovarianceModel
) -> np.ndarray:
    components = np.arange(labels.max() + 1)[:, None]
    return sum(
        multiply(weights[block] * (components == labels[block]), model.statistics(points[:, block]))
        for block in _blocks(points, model, len(components))
    )


def _expect(
    points: np.ndarray,
    weights: np.ndarray,
    components: Components,
    model: CovarianceModel,
    labels: np.ndarray | None = None,
) -> _Expectation:
    """One pass over the points, in blocks: nothing of size n × k is ever held. Fills ``labels`` in where they are
    wanted, which is not at every step."""
    log_likelihood = 0.0
    sums = np.zeros(components.coefficients.shape)
    for block in _blocks(points, model, len(sums)):
        statistics = model.statistics(points[:, block])
        log_joint = components.log_joint(points[:, block], statistics)
        highest = log_joint.max(axis=0)
        if labels is not None:
            labels[block] = (log_joint >= highest - EQUALLY_PROBABLE * np.maximum(1, np.abs(highest))).argmax(axis=0)
        log_joint -= highest
        np.maximum(log_joint, NEGLIGIBLE, out=log_joint)
        likelihoods = np.exp(log_joint, out=log_joint)  # relative to the most probable component's
        totals = likelihoods.sum(axis=0)
        log_likelihood += float(weights[block] @ (highest + np.log(totals)))
        fewer = min(statistics, likelihoods, key=len)  # scaling either makes weighted responsibilities
        fewer *= weights[block] / totals
        sums += multiply(likelihoods, statistics)
    if not np.isfinite(log_likelihood):
        raise SingularCovarianceError
    return _Expectation(log_likelihood, sums)


def _blocks(points: np.ndarray, model: CovarianceModel, n_components: int) -> list[slice]:
    n_statistics = 1 + len(points) + model.n_products
    return blocks(points.shape[1], max(256, BLOCK_ELEMENTS // max(n_statistics, n_components)))


def _validate(vectors: np.ndarray, labels_init: np.ndarray, covariance_type: str, max_iter: int) -> None:
    if covariance_type not in COVARIANCE_MODELS:
        raise UsageError(
            f"covariance_type must be one of {', '.join(sorted(COVARIANCE_MODELS))}, got {covariance_type!r}."
        )
    if vectors.ndim != 2 or labels_init.shape != (len(vectors),) or not labels_init.size:
        raise UsageError(f"One initial label per vector is needed, got shapes {labels_init.shape} and {vectors.shape}.")
    if labels_init.min() < 0 or np.bincount(labels_init).min() == 0:
        raise UsageError("labels_init must hold every number from 0 to its largest, since each becomes a component.")
    if max_iter < 1:
        raise UsageError(f"max_iter must be at least 1, got {max_iter}.")
    if not np.isfinite(vectors).all():
        raise RunnerError("The vectors hold NaN or infinite values and cannot be clustered; embed the images again.")
