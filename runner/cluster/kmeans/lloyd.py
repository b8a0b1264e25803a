"""k-means by Lloyd's algorithm, exact, with most distances never computed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runner.cluster.distinct_rows import DistinctRows, distinct_rows
from runner.cluster.kmeans.assignment import Assignment, Changes, squared_distances, start_assignment
from runner.cluster.tiles import blocks
from runner.errors import RunnerError, UsageError
from runner.utils.compiled import compiled


@dataclass(frozen=True)
class KMeansResult:
    """A partition of the points around ``n_clusters`` means.

    Attributes:
        labels: int32, shape (n,), 0 … n_clusters-1 without gaps: the nearest centre of each point.
        centers: float32, shape (n_clusters, d). Fewer than asked for only where there are fewer distinct points.
        inertia: sum of the points' squared distances to their centres, computed in float64.
        n_iter: iterations run.
        converged: whether the labels or the centres had come to rest.
        pairs_computed: distances between a point and a centre that were computed, the measure of the work done.
    """

    labels: np.ndarray
    centers: np.ndarray
    inertia: float
    n_iter: int
    converged: bool
    pairs_computed: int

    @property
    def n_clusters(self) -> int:
        return len(self.centers)

    @property
    def details(self) -> dict[str, int | float | bool]:
        """What a trial reports besides the labels."""
        return {"inertia": self.inertia, "n_iter": self.n_iter, "converged": self.converged}


def kmeans(
    vectors: np.ndarray,
    centers_init: np.ndarray,
    *,
    labels_init: np.ndarray | None = None,
    max_iter: int = 300,
    tol: float = 1e-4,
    device: str = "cpu",
    distinct: DistinctRows | None = None,
) -> KMeansResult:
    """Lloyd's algorithm from given centres; its results are fixed points of scikit-learn's ``algorithm="lloyd"``.

    It ends when no label changes, or when the centres' squared movements sum to at most ``tol`` times the mean
    variance of the features, as in scikit-learn; labels are then assigned once more. A cluster that loses all its
    points gets the point farthest from its centre, also in the end. Equal vectors are one point with a weight and never
    parted, and the result depends neither on the processor nor on the number of threads.

    Args:
        vectors: float32, shape (n, d); a read-only memory map will do. A centred copy is held while it runs.
        centers_init: shape (k, d), 1 ≤ k ≤ n.
        labels_init: int, shape (n,), each point's nearest initial centre where that is known already
            (``Seeding.labels``): saves the first assignment, and the centres themselves are not used. Equal vectors
            have the label of the first of them.
        max_iter: iterations after which it ends unconverged.
        tol: relative tolerance on the centres' movement; 0 runs until no label changes.
        device: torch device of the matrix products.
        distinct: the different vectors where they are known already.

    Raises:
        UsageError: if the shapes do not match or there are more centres than vectors.
        RunnerError: if ``vectors`` holds NaN or infinite values.
    """
    _validate(vectors, centers_init, labels_init, max_iter)
    distinct = distinct or distinct_rows(vectors)
    points, mean = centered(vectors, distinct)
    labels = None if labels_init is None else distinct.of(labels_init)
    assignment = start_assignment(points, labels, len(centers_init), device)
    means = _Means(points, distinct.weights, centers_init.astype(np.float32) - mean)
    if labels_init is not None:
        everything = Changes(np.arange(len(points)), np.full(len(points), -1, np.int32))
        means.move(everything, assignment.labels)
        means.fill_empty(assignment)
        means.recompute()
    allowed_shift = tol * float(distinct.weights @ assignment.squared_norms) / vectors.size
    drift = np.full(len(centers_init), np.inf)
    converged = False
    n_iter = 0
    while not converged and n_iter < max_iter:
        n_iter += 1
        changes = assignment.update(means.centers, drift)
        means.move(changes, assignment.labels)
        means.fill_empty(assignment)
        drift = means.recompute()
        converged = not changes.points.size or np.square(drift).sum() <= allowed_shift
    _finish(assignment, means, drift)
    return _result(assignment, means, distinct, mean, n_iter, converged)


def centered(vectors: np.ndarray, distinct: DistinctRows) -> tuple[np.ndarray, np.ndarray]:
    """The different vectors less the mean of all, and that mean, both float32: keeps the products of far-off data
    accurate.

    Raises:
        RunnerError: if ``vectors`` holds NaN or infinite values.
    """
    slices = blocks(len(distinct))
    with np.errstate(over="ignore", invalid="ignore"):
        sums = [distinct.weights[rows] @ vectors[distinct.firsts[rows]].astype(np.float64) for rows in slices]
        mean = (np.sum(sums, axis=0) / len(vectors)).astype(np.float32)
        points = np.empty((len(distinct), vectors.shape[1]), np.float32)
        for rows in slices:
            np.subtract(vectors[distinct.firsts[rows]], mean, out=points[rows])
        finite = all(np.isfinite(np.vdot(points[rows], points[rows])) for rows in slices)
    if not finite:
        raise RunnerError(
            "The vectors hold NaN, infinite or huge values and cannot be clustered; embed the images again."
        )
    return points, mean


class _Means:
    """Centres as means of their clusters' points; sums and counts follow every move of a point.

    The sums are exact and don't drift: every coordinate is rounded to a multiple of one power of two, so coarse that
    the sum of all points needs no more than the 53 bits of a float64, and so fine that a float32 loses next to nothing.
    """

    def __init__(self, points: np.ndarray, weights: np.ndarray, centers: np.ndarray) -> None:
        self.points = points
        self.centers = centers
        self.sizes = np.zeros(len(centers), np.int64)
        self._weights = weights
        self._totals = np.zeros(len(centers), np.int64)
        self._sums = np.zeros(centers.shape, np.float64)
        self._touched = np.zeros(len(centers), bool)
        self._rounder = _rounder(points, int(weights.sum()))

    def move(self, changes: Changes, labels: np.ndarray) -> None:
        """Take the changed points out of their former clusters and into those that ``labels`` names."""
        _move(
            self._sums, self._totals, self.sizes, self._touched, self.points, self._weights, self._rounder,
            changes.points, changes.former, labels,
        )  # fmt: skip

    def fill_empty(self, assignment: Assignment) -> np.ndarray:
        """Put the points farthest from their centres into the empty clusters, one each, and return the clusters filled.

        As in scikit-learn, but never by emptying another cluster nor twice with the same point, so that a
        cluster stays empty if there are fewer points than clusters.
        """
        empty = np.flatnonzero(self.sizes == 0)
        if not empty.size:
            return empty
        everything = np.arange(len(self.points))
        distances = squared_distances(self.points, everything, self.centers, assignment.labels)
        filled = 0
        for point in np.argsort(-distances, kind="stable"):
            if filled == len(empty) or distances[point] == 0:
                break
            former = assignment.labels[[point]]
            if self.sizes[former[0]] > 1:
                assignment.place(point, empty[filled])
                self.move(Changes(np.array([point]), former), assignment.labels)
                filled += 1
        return empty[:filled]

    def recompute(self) -> np.ndarray:
        """Set the centres of all clusters whose points have changed to their means; see ``set_to_means``."""
        changed = np.flatnonzero(self._touched & (self.sizes > 0))
        self._touched[:] = False
        return self.set_to_means(changed)

    def set_to_means(self, clusters: np.ndarray) -> np.ndarray:
        """Set the centres of ``clusters`` to their means; how far every centre moved, float64, shape (k,)."""
        means = (self._sums[clusters] / self._totals[clusters, None]).astype(np.float32)
        drift = np.zeros(len(self.centers))
        drift[clusters] = np.linalg.norm(means.astype(np.float64) - self.centers[clusters], axis=1)
        self.centers[clusters] = means
        return drift


def _rounder(points: np.ndarray, total_weight: int) -> float:
    """What rounds a coordinate to a multiple of its own last bit by being added and taken away again. It is 1.5 times a
    power of two, so large that sums of up to ``total_weight`` coordinates so rounded are exact in float64."""
    largest = max(float(np.abs(points[rows]).max(initial=0)) for rows in blocks(len(points)))
    if not largest:
        return 0.0
    return 1.5 * 2.0 ** (np.ceil(np.log2(largest)) + np.ceil(np.log2(total_weight)) + 1)


@compiled()
def _move(  # type: ignore[no-untyped-def]
    sums, totals, sizes, touched, points, weights, rounder, rows, former, labels
):  # pragma: no cover - compiled
    for i in range(len(rows)):
        row, old, new = rows[i], former[i], labels[rows[i]]
        for axis in range(points.shape[1]):
            term = weights[row] * ((points[row, axis] + rounder) - rounder)
            if old >= 0:
                sums[old, axis] -= term
            sums[new, axis] += term
        if old >= 0:
            totals[old] -= weights[row]
            sizes[old] -= 1
            touched[old] = True
        totals[new] += weights[row]
        sizes[new] += 1
        touched[new] = True


def _finish(assignment: Assignment, means: _Means, drift: np.ndarray) -> None:
    """Assign the points to the last centres; a cluster that this empties is filled, which may attract more points."""
    while drift.any():
        means.move(assignment.update(means.centers, drift), assignment.labels)
        drift = means.set_to_means(means.fill_empty(assignment))


def _result(
    assignment: Assignment, means: _Means, distinct: DistinctRows, mean: np.ndarray, n_iter: int, converged: bool
) -> KMeansResult:
    everything = np.arange(len(assignment.points))
    distances = squared_distances(assignment.points, everything, means.centers, assignment.labels)
    present = np.flatnonzero(means.sizes)
    compact = np.full(len(means.sizes), -1, np.int32)
    compact[present] = np.arange(len(present))
    return KMeansResult(
        labels=distinct.spread(compact[assignment.labels]),
        centers=means.centers[present] + mean,
        inertia=float(distinct.weights @ distances),
        n_iter=n_iter,
        converged=bool(converged),
        pairs_computed=assignment.pairs_computed,
    )


def _validate(vectors: np.ndarray, centers_init: np.ndarray, labels_init: np.ndarray | None, max_iter: int) -> None:
    if vectors.ndim != 2 or centers_init.ndim != 2 or vectors.shape[1] != centers_init.shape[1]:
        raise UsageError(f"k-means centres of shape {centers_init.shape} do not fit vectors of shape {vectors.shape}.")
    if not 1 <= len(centers_init) <= len(vectors):
        raise UsageError(
            f"n_clusters must be between 1 and {len(vectors)}, the number of images, got {len(centers_init)}."
        )
    if labels_init is not None and labels_init.shape != (len(vectors),):
        raise UsageError(f"labels_init must have shape ({len(vectors)},), got {labels_init.shape}.")
    if max_iter < 1:
        raise UsageError(f"max_iter must be at least 1, got {max_iter}.")
