"""One k-means++ run whose prefixes are initial centres for every k of a sweep."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
import torch

from runner.cluster.distinct_rows import DistinctRows, distinct_rows
from runner.cluster.kmeans.assignment import squared_distances
from runner.cluster.kmeans.lloyd import centered
from runner.cluster.tiles import SAME, as_tensor, multiply, rounding_error
from runner.errors import UsageError

LOCAL_TRIALS = (16, 3)
"""Candidates per seed, for the first seeds and for the last. Many are affordable while there are few seeds, and pay."""

LOCAL_TRIALS_BUDGET = 2000
"""In between, seed i has this many divided by i."""

SEEDS_PER_BATCH = 64
"""Largest number of seeds chosen from one batch of candidates; a batch also adds at most an eighth to the seeds."""

TILE_ELEMENTS = 2**21


@dataclass(frozen=True)
class Seeding:
    """Seeds in the order they were chosen, and how the points changed over to them.

    Attributes:
        indices: int64, shape (n_seeds,), rows of the vectors; the first k seed a k-means with k clusters.
        changes: int32, shape (2, m): point ``changes[0, i]`` became closest to seed number ``changes[1, i]``,
            in the order of seeds. Seed 0 occurs n times; m is some 10 n.
    """

    indices: np.ndarray
    changes: np.ndarray

    def labels(self, n_clusters: int) -> np.ndarray:
        """Nearest of the first ``n_clusters`` seeds for every point, int32, shape (n,)."""
        n_points, known = np.searchsorted(self.changes[1], [1, n_clusters])
        labels = np.empty(n_points, np.int32)
        labels[self.changes[0, :known]] = self.changes[1, :known]  # of a point's several changes the last one stays
        return labels


def seed_centers(vectors: np.ndarray, n_clusters: int, random_state: int, device: str = "cpu") -> np.ndarray:
    """``seed(...).indices``: int64, shape (n_clusters,), or shorter where there are fewer distinct vectors."""
    return seed(vectors, n_clusters, random_state, device).indices


def seed(
    vectors: np.ndarray,
    n_clusters: int,
    random_state: int,
    device: str = "cpu",
    *,
    distinct: DistinctRows | None = None,
) -> Seeding:
    """Choose initial centres by greedy k-means++ (Arthur & Vassilvitskii 2007), in batches.

    Candidates are drawn with probability proportional to the squared distance to the nearest seed; of the
    candidates of one batch those that lower the sum of these distances most become seeds, one after the other,
    each seen against the seeds before it. A seed does not depend on how many follow: ``seed(v, k, s)`` is a prefix
    of ``seed(v, K, s)`` for k < K.

    Equal vectors are one point with a weight. Products only say which points may be nearer to a candidate than to any
    seed; what is drawn rests on float64 distances, hence neither on the processor nor on the number of threads.

    Args:
        vectors: float32, shape (n, d); a read-only memory map will do.
        n_clusters: number of seeds, 1 … n.
        random_state: the same number gives the same seeds.
        device: torch device of the matrix products.
        distinct: the different vectors where they are known already.

    Returns:
        the seeds; fewer than ``n_clusters`` where there are fewer distinct vectors.

    Raises:
        UsageError: if ``n_clusters`` is not in 1 … n.
        RunnerError: if ``vectors`` holds NaN or infinite values.
    """
    if not 1 <= n_clusters <= len(vectors):
        raise UsageError(f"n_clusters must be between 1 and {len(vectors)}, the number of images, got {n_clusters}.")
    distinct = distinct or distinct_rows(vectors)
    rng = np.random.default_rng(random_state)
    state = _Seeds(_Distances(centered(vectors, distinct)[0], device), distinct.weights)
    state.consider(distinct.tickets[rng.integers(len(vectors), size=1)], 1)
    while len(state.indices) < n_clusters and state.potential > 0:
        n_seeds = len(state.indices)
        n_new = min(max(1, n_seeds // 8), SEEDS_PER_BATCH)
        trials = int(np.clip(LOCAL_TRIALS_BUDGET // n_seeds, LOCAL_TRIALS[1], LOCAL_TRIALS[0]))
        state.consider(state.draw(n_new * trials, rng), n_new)
    return _of_all_rows(state.seeding(n_clusters), distinct)


def _of_all_rows(seeding: Seeding, distinct: DistinctRows) -> Seeding:
    """A seeding of the different vectors as one of all vectors."""
    if not distinct.has_copies:
        return seeding
    rows = np.argsort(distinct.numbers, kind="stable").astype(np.int32)
    starts = np.cumsum(distinct.weights) - distinct.weights
    points, seeds = seeding.changes
    each = distinct.weights[points]
    within = np.arange(each.sum()) - np.repeat(np.cumsum(each) - each, each)
    changes = np.stack([rows[np.repeat(starts[points], each) + within], np.repeat(seeds, each)])
    return Seeding(distinct.firsts[seeding.indices], changes)


@dataclass(frozen=True)
class _Improvements:
    """What candidates would change: candidate j is nearer to ``points[i]`` than any seed, at ``squared_distances[i]``,
    for i from ``starts[j]`` to ``starts[j + 1]``."""

    points: np.ndarray
    squared_distances: np.ndarray
    starts: np.ndarray

    def of(self, candidate: int) -> tuple[np.ndarray, np.ndarray]:
        which = slice(self.starts[candidate], self.starts[candidate + 1])
        return self.points[which], self.squared_distances[which]


class _Seeds:
    """The seeds so far and every point's squared distance to the nearest."""

    def __init__(self, distances: _Distances, weights: np.ndarray) -> None:
        self.indices: list[int] = []
        self._distances = distances
        self._weights = weights
        self._nearest = np.full(distances.n_points, np.inf)
        self._points: list[np.ndarray] = []
        self._seeds: list[np.ndarray] = []

    @property
    def potential(self) -> float:
        return float((self._weights * self._nearest).sum())

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Up to ``n`` different points, drawn with probability proportional to the squared distance."""
        cumulative = np.cumsum(self._weights * self._nearest)
        drawn = np.searchsorted(cumulative, rng.random(n) * cumulative[-1], side="right")
        last = np.flatnonzero(self._nearest)[-1]
        return np.unique(np.minimum(drawn, last))

    def consider(self, candidates: np.ndarray, n_new: int) -> None:
        """Make seeds of those ``n_new`` candidates that lower the potential most, each given the ones before.

        Gains only shrink as seeds are added, so a candidate whose gain is computed afresh and is still above
        all others' stale ones is the best (lazy greedy, Minoux 1978).
        """
        improvements = self._distances.improvements(candidates, self._nearest)
        queue = [(-self._gain(improvements, j), j) for j in range(len(candidates))]
        heapq.heapify(queue)
        while queue and n_new:
            _, best = heapq.heappop(queue)
            gain = self._gain(improvements, best)
            if gain <= 0:
                continue
            if queue and gain < -queue[0][0]:
                heapq.heappush(queue, (-gain, best))
                continue
            self._add(int(candidates[best]), *improvements.of(best))
            n_new -= 1

    def seeding(self, n_clusters: int) -> Seeding:
        points, seeds = np.concatenate(self._points), np.concatenate(self._seeds)
        known = np.searchsorted(seeds, n_clusters)
        indices = np.array(self.indices[:n_clusters], np.int64)
        return Seeding(indices, np.stack([points[:known], seeds[:known]]))

    def _gain(self, improvements: _Improvements, candidate: int) -> float:
        points, squared_distances = improvements.of(candidate)
        return float((self._weights[points] * np.maximum(self._nearest[points] - squared_distances, 0)).sum())

    def _add(self, candidate: int, points: np.ndarray, squared_distances: np.ndarray) -> None:
        nearer = squared_distances < self._nearest[points] * (1 - SAME)
        points = points[nearer]
        self._nearest[points] = squared_distances[nearer]
        self._points.append(points.astype(np.int32))
        self._seeds.append(np.full(len(points), len(self.indices), np.int32))
        self.indices.append(candidate)


class _Distances:
    """Squared distances from candidates to all points, of which only those below a bound are kept."""

    def __init__(self, points: np.ndarray, device: str) -> None:
        self.n_points = len(points)
        self._points = points
        self._on_device = as_tensor(points, device)
        self._host_norms = np.einsum("ij,ij->i", points, points, dtype=np.float64)

    def improvements(self, candidates: np.ndarray, bounds: np.ndarray) -> _Improvements:
        """Squared distances of ``candidates`` (rows) to all points that are below the point's bound."""
        device = self._on_device.device
        rows_per_tile = max(256, TILE_ELEMENTS // len(candidates))
        selected = torch.from_numpy(candidates).to(device)
        vectors = -2 * self._on_device.index_select(0, selected)
        norms = self._host_norms[candidates]
        squared_norms = torch.from_numpy((norms - rounding_error(norms)).astype(np.float32)).to(device)
        limits = torch.from_numpy(self._limits(bounds)).to(device)
        found = []
        for start in range(0, self.n_points, rows_per_tile):
            rows = slice(start, start + rows_per_tile)
            excess = multiply(self._on_device[rows], vectors, plus=squared_norms).sub_(limits[rows, None])
            some = torch.nonzero(excess.amin(1) < 0).squeeze(1)
            row, number = torch.nonzero(excess[some] < 0).unbind(1)
            found.append(((some[row] + start).cpu(), number.cpu()))
        points, numbers = (torch.cat(parts).numpy() for parts in zip(*found, strict=True))
        distances = squared_distances(self._points, points, self._points, candidates[numbers])
        below = np.flatnonzero(distances < bounds[points] * (1 - SAME))
        order = below[np.argsort(numbers[below], kind="stable")]
        starts = np.searchsorted(numbers[order], np.arange(len(candidates) + 1))
        return _Improvements(points[order], distances[order], starts)

    def _limits(self, bounds: np.ndarray) -> np.ndarray:
        """Per point, the product term that stands for a distance equal to its bound, raised by the rounding error."""
        limits = bounds + rounding_error(self._host_norms) - self._host_norms
        return np.where(bounds > 0, limits, -np.inf).astype(np.float32)
