"""The four shapes of Gaussian components, written so that each EM step is a matrix product.

A component's log density is linear in the statistics (1, x, products of x's features) of a point: the E-step
multiplies the statistics of all points by the components' coefficients, and the M-step needs only the statistics'
sums weighted by the responsibilities, which is the transposed product.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

import numpy as np

from runner.cluster.tiles import multiply
from runner.utils.compiled import compiled

CovarianceType = Literal["diag", "full", "tied", "spherical"]


class SingularCovarianceError(ArithmeticError):
    """A component's covariance is not positive definite."""


@dataclass(frozen=True)
class Components:
    """Parameters of a mixture in the form that the E-step uses.

    Attributes:
        coefficients: float64, shape (k, n_statistics); coefficients @ statistics is the logarithm of weight times
            density of each component, up to a part that is the same for all components.
        common_precision: float64, shape (d, d); that common part is -½ xᵀ · common_precision · x. None if it is 0.
    """

    coefficients: np.ndarray
    common_precision: np.ndarray | None = None

    def log_joint(self, points: np.ndarray, statistics: np.ndarray) -> np.ndarray:
        """Logarithm of weight times density, shape (k, points), of ``points``, shape (d, points)."""
        log_joint = multiply(self.coefficients, statistics.T)
        if self.common_precision is not None:
            log_joint -= 0.5 * ((self.common_precision @ points) * points).sum(axis=0)
        return log_joint


class CovarianceModel(ABC):
    """How the components' covariances are restricted, for points of ``dimension`` features.

    Points are columns here: the products of two features are then products of contiguous rows.
    """

    def __init__(self, dimension: int, reg_covar: float) -> None:
        self.dimension = dimension
        self.reg_covar = reg_covar

    def statistics(self, points: np.ndarray) -> np.ndarray:
        """Rows 1, x and the products that this shape needs, of ``points``, shape (d, points); all float64."""
        result = np.empty((1 + self.dimension + self.n_products, points.shape[1]))
        result[0] = 1
        result[1 : 1 + self.dimension] = points
        self.write_products(points, result[1 + self.dimension :])
        return result

    def fit(self, sums: np.ndarray, scatter: np.ndarray) -> Components:
        """The M-step, with scikit-learn's regularisation.

        Args:
            sums: float64, shape (k, n_statistics), sums of the points' statistics weighted by responsibility.
            scatter: float64, shape (d, d), sum of x·xᵀ over all points.

        Raises:
            SingularCovarianceError: if a covariance is not positive definite.
        """
        counts = sums[:, 0] + 10 * np.finfo(np.float64).eps
        averages = sums[:, 1:] / counts[:, None]
        means, products = np.split(averages, [self.dimension], axis=1)
        with np.errstate(divide="ignore"):
            log_weights = np.log(sums[:, 0] / sums[:, 0].sum()) - self.dimension / 2 * np.log(2 * np.pi)
        return self.components(log_weights, means, products, counts, scatter)

    def n_parameters(self, n_components: int) -> int:
        """Free parameters of the mixture: weights, means and covariances."""
        return n_components - 1 + n_components * self.dimension + self.n_covariance_parameters(n_components)

    @property
    @abstractmethod
    def n_products(self) -> int:
        """Products of two features whose weighted sums give the covariances."""

    @abstractmethod
    def write_products(self, points: np.ndarray, out: np.ndarray) -> None:
        """Compute these products into ``out``, shape (n_products, points)."""

    @abstractmethod
    def components(
        self, constants: np.ndarray, means: np.ndarray, products: np.ndarray, counts: np.ndarray, scatter: np.ndarray
    ) -> Components:
        """Components with these log weights (less the Gaussian's constant), means and mean products."""

    @abstractmethod
    def n_covariance_parameters(self, n_components: int) -> int: ...


class Diagonal(CovarianceModel):
    """Axis-parallel ellipsoids."""

    @property
    def n_products(self) -> int:
        return self.dimension

    def write_products(self, points: np.ndarray, out: np.ndarray) -> None:
        np.square(points, out=out)

    def variances(self, means: np.ndarray, products: np.ndarray) -> np.ndarray:
        return products - np.square(means) + self.reg_covar

    def components(
        self, constants: np.ndarray, means: np.ndarray, products: np.ndarray, counts: np.ndarray, scatter: np.ndarray
    ) -> Components:
        variances = self.variances(means, products)
        rounding = 1e-12 * products.max(axis=1, keepdims=True)
        if (variances <= rounding).any():
            raise SingularCovarianceError
        constants = constants - 0.5 * (np.log(variances) + np.square(means) / variances).sum(axis=1)
        return Components(np.column_stack([constants, means / variances, -0.5 / variances]))

    def n_covariance_parameters(self, n_components: int) -> int:
        return n_components * self.dimension


class Spherical(Diagonal):
    """Balls."""

    def variances(self, means: np.ndarray, products: np.ndarray) -> np.ndarray:
        variances = super().variances(means, products).mean(axis=1, keepdims=True)
        return np.broadcast_to(variances, means.shape)

    def n_covariance_parameters(self, n_components: int) -> int:
        return n_components


class Full(CovarianceModel):
    """Ellipsoids, each its own."""

    def __init__(self, dimension: int, reg_covar: float) -> None:
        super().__init__(dimension, reg_covar)
        self._rows, self._columns = np.triu_indices(dimension)

    @property
    def n_products(self) -> int:
        return len(self._rows)

    def write_products(self, points: np.ndarray, out: np.ndarray) -> None:
        _multiply_rows(np.ascontiguousarray(points), self._rows, self._columns, out)

    def components(
        self, constants: np.ndarray, means: np.ndarray, products: np.ndarray, counts: np.ndarray, scatter: np.ndarray
    ) -> Components:
        covariances = np.empty((len(means), self.dimension, self.dimension))
        covariances[:, self._rows, self._columns] = products
        covariances[:, self._columns, self._rows] = products
        covariances -= means[:, :, None] * means[:, None, :]
        precisions, log_determinants = _invert(covariances + self.reg_covar * np.eye(self.dimension))
        directions = np.einsum("kij,kj->ki", precisions, means)
        constants = constants + 0.5 * (log_determinants - (directions * means).sum(axis=1))
        halves = np.where(self._rows == self._columns, 0.5, 1.0)  # a pair of coordinates occurs twice in xᵀPx
        return Components(np.column_stack([constants, directions, -halves * precisions[:, self._rows, self._columns]]))

    def n_covariance_parameters(self, n_components: int) -> int:
        return n_components * self.n_products


class Tied(CovarianceModel):
    """The same ellipsoid for all."""

    @property
    def n_products(self) -> int:
        return 0

    def write_products(self, points: np.ndarray, out: np.ndarray) -> None:
        """None are needed: the sum of x·xᵀ over all points is the same at each step."""

    def components(
        self, constants: np.ndarray, means: np.ndarray, products: np.ndarray, counts: np.ndarray, scatter: np.ndarray
    ) -> Components:
        covariance = (scatter - (counts[:, None] * means).T @ means) / counts.sum()
        precisions, log_determinants = _invert((covariance + self.reg_covar * np.eye(self.dimension))[None])
        directions = means @ precisions[0]
        constants = constants + 0.5 * (log_determinants[0] - (directions * means).sum(axis=1))
        return Components(np.column_stack([constants, directions]), precisions[0])

    def n_covariance_parameters(self, n_components: int) -> int:
        return self.dimension * (self.dimension + 1) // 2


COVARIANCE_MODELS: dict[CovarianceType, type[CovarianceModel]] = {
    "diag": Diagonal,
    "full": Full,
    "spherical": Spherical,
    "tied": Tied,
}


def _invert(covariances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Inverses of positive definite matrices, shape (k, d, d), and the logarithms of the inverses' determinants."""
    try:
        factors = np.linalg.cholesky(covariances)
    except np.linalg.LinAlgError as error:
        raise SingularCovarianceError from error
    inverse_factors = np.linalg.inv(factors)
    log_determinants = -2 * np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(axis=1)
    return inverse_factors.transpose(0, 2, 1) @ inverse_factors, log_determinants


@compiled()
def _multiply_rows(points, rows, columns, out):  # type: ignore[no-untyped-def]
    """Set each line of ``out`` to the product of two rows of ``points``; faster than a call of NumPy for each row."""
    for line in range(len(rows)):
        one, other, product = points[rows[line]], points[columns[line]], out[line]
        for point in range(len(product)):
            product[point] = one[point] * other[point]
