"""The assignment step of Lloyd's algorithm: each point's nearest centre, kept up to date while the centres move."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import torch

from runner.cluster.tiles import SAME, as_tensor, blocks, multiply, rounding_error
from runner.utils.compiled import compiled

GAP_SHARE = 0.9
"""A centre is looked at by a point if it moved further than this share of the point's gap; with 1 a centre that moved
just as far would leave no gap, and everything would be searched at the next iteration."""

GROUPS = 16
"""Centres are searched in a multiple of this many columns, so that two minima cost little more than one."""

EXHAUSTIVE_CENTERS = (64, 256)
"""Up to this many centres, in many dimensions and in few, bounds cost more than they save."""

EXHAUSTIVE_NUMBERS = 2**15
"""In between, up to so many coordinates of all centres together."""


@dataclass(frozen=True)
class Changes:
    """Points whose label an assignment changed.

    Attributes:
        points: int64 rows, ascending.
        former: int32, their labels before, -1 where they had none.
    """

    points: np.ndarray
    former: np.ndarray


class Assignment(ABC):
    """The current label of every point, and what is needed to bring it up to date.

    Float32 products say which centres may be a point's nearest, and where more than one may, float64 distances decide:
    the labels are the same whatever the products' last bits are. In a tie a point keeps its centre, else it takes that
    of the lowest number.
    """

    def __init__(self, points: np.ndarray, labels: np.ndarray | None, device: str) -> None:
        """Start with ``labels`` (int, shape (n,)), or with none; ``points`` is float32, shape (n, d), centred."""
        self.points = points
        self.labels = np.full(len(points), -1, np.int32) if labels is None else labels.astype(np.int32)
        self.squared_norms = np.einsum("ij,ij->i", points, points, dtype=np.float64)
        self.pairs_computed = 0
        self._on_device = as_tensor(points, device)

    @abstractmethod
    def update(self, centers: np.ndarray, drift: np.ndarray) -> Changes:
        """Assign every point to the nearest of ``centers``.

        Args:
            centers: float32, shape (k, d).
            drift: float64, shape (k,), how far each centre has moved since the last update; inf at the first one.
        """

    def place(self, point: int, label: int) -> None:
        """Put a point into a cluster by decree; the next update looks at it afresh."""
        self.labels[point] = label

    def _limits(self, rows: np.ndarray, nearest: np.ndarray, terms: np.ndarray, table: _CenterTable) -> np.ndarray:
        """The largest product terms with which another centre may be as near to ``rows`` as ``nearest``, whose terms
        are given: float64, shape (len(rows),).

        A term is too large by at most the point's part of the rounding error, and too small by that and twice the
        centre's.
        """
        return terms.astype(np.float64) + 2 * rounding_error(
            self.squared_norms[rows] + table.host_squared_norms[nearest]
        )

    def _decide(self, rows: np.ndarray, terms: torch.Tensor, limits: np.ndarray, table: _CenterTable) -> np.ndarray:
        """The nearest centres of ``rows`` among those whose terms are within the limits, by float64 distances: int64.

        Args:
            rows: int64, shape (r,).
            terms: product terms of ``rows`` and the first columns of ``table``, shape (r, c).
            limits: float64, shape (r,), none below its row's smallest term.
            table: whose columns they are.
        """
        below = terms <= torch.from_numpy(limits).to(terms.device)[:, None]
        row, column = (part.cpu().numpy() for part in torch.nonzero(below).unbind(1))
        centers = table.order[column]
        distances = squared_distances(self.points, rows[row], table.host_centers, centers)
        starts = np.searchsorted(row, np.arange(len(rows)))
        least = np.minimum.reduceat(distances, starts)
        centers[distances > least[row] * (1 + SAME)] = len(table.order)
        return np.minimum.reduceat(centers, starts)


class ExhaustiveAssignment(Assignment):
    """Every point looks at every centre: fastest for few centres."""

    def update(self, centers: np.ndarray, drift: np.ndarray) -> Changes:
        former = self.labels.copy()
        table = _CenterTable(centers, np.arange(len(centers)), self._on_device.device)
        self.pairs_computed += len(self.points) * len(centers)
        labels = np.empty(len(self.points), np.int32)
        for rows in blocks(len(self.points), _tile_shape(len(centers), self._on_device.device)[0]):
            terms = multiply(self._on_device[rows], table.scaled, plus=table.squared_norms)
            labels[rows] = self._nearest(np.arange(rows.start, rows.stop), terms, table)
        changed = np.flatnonzero(labels != former)
        known = former[changed] >= 0
        current = np.full(len(changed), np.inf)
        current[known] = squared_distances(self.points, changed[known], centers, former[changed[known]])
        distances = squared_distances(self.points, changed, centers, labels[changed])
        changed = changed[distances < current * (1 - SAME)]
        self.labels[changed] = labels[changed]
        return Changes(changed, former[changed])

    def _nearest(self, rows: np.ndarray, terms: torch.Tensor, table: _CenterTable) -> np.ndarray:
        first, nearest = terms.min(1)
        terms.scatter_(1, nearest[:, None], torch.inf)
        second = terms.amin(1)
        terms.scatter_(1, nearest[:, None], first[:, None])
        labels = nearest.cpu().numpy()
        limits = self._limits(rows, labels, first.cpu().numpy(), table)
        unsure = np.flatnonzero(second.cpu().numpy() <= limits)
        if len(unsure):
            labels[unsure] = self._decide(rows[unsure], terms[torch.from_numpy(unsure)], limits[unsure], table)
        return labels


class BoundedAssignment(Assignment):
    """Labels with an upper bound on the distance to the own centre and a lower one to all others.

    A point between whose bounds there is a gap keeps its centre as long as no centre moves that far (Hamerly 2010).
    Here the gap also says *which* centres a point has to look at: only those that moved further than ``GAP_SHARE`` of
    it, since the others cannot have closed it. Points sorted by gap and centres by movement make these pairs a
    staircase of dense blocks, that is, of matrix products. The labels are those of a full search.
    """

    def __init__(self, points: np.ndarray, labels: np.ndarray | None, device: str) -> None:
        super().__init__(points, labels, device)
        self._upper = np.full(len(points), np.inf)
        self._lower = np.full(len(points), -np.inf)

    def update(self, centers: np.ndarray, drift: np.ndarray) -> Changes:
        largest = drift.max()
        assigned = self.labels >= 0
        self._upper[assigned] += drift[self.labels[assigned]]
        pending = np.flatnonzero(self._thresholds(slice(None)) < largest)
        known = pending[assigned[pending]]
        self._upper[known] = np.sqrt(squared_distances(self.points, known, centers, self.labels[known]))
        thresholds = self._thresholds(pending)
        searched = thresholds < largest
        settled = np.ones(len(self.points), bool)
        settled[pending[searched]] = False
        self._lower[settled] -= largest
        order = np.argsort(thresholds[searched], kind="stable")
        return self._search(pending[searched][order], thresholds[searched][order], centers, drift)

    def place(self, point: int, label: int) -> None:
        super().place(point, label)
        self._upper[point], self._lower[point] = np.inf, -np.inf

    def _thresholds(self, rows: np.ndarray | slice) -> np.ndarray:
        """How far a centre must have moved for each of ``rows`` to look at it; -1 if it must look at all."""
        with np.errstate(invalid="ignore"):
            gap = self._lower[rows] - self._upper[rows]
        return np.where(gap > 0, GAP_SHARE * gap, -1.0)

    def _search(self, rows: np.ndarray, thresholds: np.ndarray, centers: np.ndarray, drift: np.ndarray) -> Changes:
        """Assign ``rows``, which are sorted by ascending ``thresholds``."""
        k = len(centers)
        order = np.argsort(-drift, kind="stable")
        table = _CenterTable(centers, order, self._on_device.device)
        needed = np.searchsorted(-drift[order], -thresholds, side="left")  # centres with drift > threshold
        needed = np.where(thresholds < 0, k, np.minimum(-(-needed // GROUPS) * GROUPS, k))
        n_rows = _tile_shape(k, self._on_device.device)[0]
        changed, former = [], []
        for block in _stairs(int(np.searchsorted(thresholds, 0)), len(rows), n_rows):
            inside, n_columns = rows[block], int(needed[block.start])
            skipped_drift = drift[order[n_columns]] if n_columns < k else None
            old = self.labels[inside]
            moved = self._search_block(inside, table, n_columns, skipped_drift)
            changed.append(inside[moved])
            former.append(old[moved])
        if not changed:
            return Changes(np.empty(0, np.int64), np.empty(0, np.int32))
        points, labels = np.concatenate(changed), np.concatenate(former)
        ascending = np.argsort(points)
        return Changes(points[ascending], labels[ascending])

    def _search_block(
        self, rows: np.ndarray, table: _CenterTable, n_columns: int, skipped_drift: float | None
    ) -> np.ndarray:
        """Compare ``rows`` with the first ``n_columns`` centres of ``table``; the rows whose label changed."""
        self.pairs_computed += len(rows) * n_columns
        own = table.position[self.labels[rows]]
        own[self.labels[rows] < 0] = -1
        others = _Others(self._on_device, rows, own, table, n_columns)
        position, *terms = others.two_nearest()
        least = self.squared_norms[rows] - rounding_error(self.squared_norms[rows])
        first, second = (np.sqrt(np.maximum(each + least, 0)) for each in terms)
        labels, upper = self.labels[rows], self._upper[rows]
        moved = np.flatnonzero(first < upper)
        nearest = table.order[position[moved]]
        limits = self._limits(rows[moved], nearest, terms[0][moved], table)
        unsure = np.flatnonzero(terms[1][moved] <= limits)
        if len(unsure):
            places = moved[unsure]
            nearest[unsure] = self._decide(rows[places], others.terms(places), limits[unsure], table)
        labels[moved] = nearest
        distances = np.sqrt(squared_distances(self.points, rows[moved], table.host_centers, labels[moved]))
        closer = distances < upper[moved] * (1 - SAME)
        moved = moved[closer]
        lower = first
        lower[moved] = np.minimum(
            np.where(labels[moved] == table.order[position[moved]], second[moved], first[moved]), upper[moved]
        )
        if skipped_drift is not None:
            lower = np.minimum(lower, self._lower[rows] - skipped_drift)
        self._lower[rows] = lower
        self._upper[rows[moved]] = distances[closer]
        self.labels[rows[moved]] = labels[moved]
        return moved


class _Others:
    """Product terms of some points and the centres but their own, in the first columns of a table."""

    def __init__(
        self, points: torch.Tensor, rows: np.ndarray, own: np.ndarray, table: _CenterTable, n_columns: int
    ) -> None:
        self._selected = points.index_select(0, torch.from_numpy(rows).to(points.device))
        self._own = torch.from_numpy(own).to(points.device)
        self._table = table
        self._padded = -(-n_columns // GROUPS) * GROUPS

    def two_nearest(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Position of the nearest, its term and that of the next; infinite where there is none."""
        device = self._selected.device
        position = torch.zeros(len(self._selected), dtype=torch.int64, device=device)
        first = torch.full((len(self._selected),), torch.inf, device=device)
        second = first.clone()
        for columns in blocks(self._padded, _tile_shape(self._padded, device)[1]):
            here, nearest, next_nearest = two_smallest(self._terms(self._selected, self._own, columns))
            second = torch.minimum(torch.minimum(torch.maximum(first, nearest), second), next_nearest)
            position = torch.where(nearest < first, here + columns.start, position)
            first = torch.minimum(first, nearest)
        return position.cpu().numpy(), first.cpu().numpy(), second.cpu().numpy()

    def terms(self, places: np.ndarray) -> torch.Tensor:
        """All terms of the points at some places."""
        which = torch.from_numpy(places).to(self._selected.device)
        return self._terms(self._selected[which], self._own[which], slice(0, self._padded))

    def _terms(self, points: torch.Tensor, own: torch.Tensor, columns: slice) -> torch.Tensor:
        terms = multiply(points, self._table.scaled[columns], plus=self._table.squared_norms[columns])
        holding = torch.nonzero((own >= columns.start) & (own < columns.stop)).squeeze(1)
        terms[holding, own[holding] - columns.start] = torch.inf
        return terms


def start_assignment(points: np.ndarray, labels: np.ndarray | None, n_centers: int, device: str) -> Assignment:
    """The faster kind of assignment for this number of centres."""
    few = int(np.clip(EXHAUSTIVE_NUMBERS // points.shape[1], *EXHAUSTIVE_CENTERS))
    kind = ExhaustiveAssignment if n_centers <= few else BoundedAssignment
    return kind(points, labels, device)


def _stairs(n_everywhere: int, n: int, size: int) -> list[slice]:
    """Blocks of ``range(n)``; the first ``n_everywhere`` rows, which look at every centre, have blocks of their own."""
    rest = blocks(n - n_everywhere, size)
    return blocks(n_everywhere, size) + [slice(n_everywhere + b.start, n_everywhere + b.stop) for b in rest]


def _tile_shape(n_centers: int, device: torch.device) -> tuple[int, int]:
    """Points and centres that are multiplied at once: few enough for the cache, or to keep an accelerator busy."""
    n_elements, widest = (2**20, 1024) if device.type == "cpu" else (2**26, 8192)
    columns = min(widest, -(-n_centers // GROUPS) * GROUPS)
    return n_elements // columns, columns


class _CenterTable:
    """The centres in a given order on the device, filled up to whole groups with centres infinitely far away.

    Attributes:
        order: int64, shape (k,), centre at each position; ``position`` is its inverse.
        host_centers, host_squared_norms: the centres in their own order.
        scaled, squared_norms: -2 times the centres in this order on the device, and the norms lowered by their part of
            the rounding error, so that the product terms |centre|² - 2 point·centre are not too large by it.
    """

    def __init__(self, centers: np.ndarray, order: np.ndarray, device: torch.device) -> None:
        k, dimension = centers.shape
        padded = -(-k // GROUPS) * GROUPS
        self.host_centers = centers
        self.order = order
        self.position = np.empty(k, np.int64)
        self.position[order] = np.arange(k)
        ordered = np.zeros((padded, dimension), np.float32)
        ordered[:k] = centers[order]
        squared_norms = np.full(padded, np.inf, np.float32)
        self.host_squared_norms = np.einsum("ij,ij->i", centers, centers, dtype=np.float64)
        norms = self.host_squared_norms[order]
        squared_norms[:k] = norms - rounding_error(norms)
        self.scaled = torch.from_numpy(-2 * ordered).to(device)
        self.squared_norms = torch.from_numpy(squared_norms).to(device)


def two_smallest(values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Column of the smallest value of each row, that value, and the second smallest.

    Args:
        values: shape (r, c), c a multiple of ``GROUPS``.

    The minima of groups of columns are cheap; the exact pair is then sought among them and in the best group.
    """
    rows, columns = values.shape
    if columns <= 4 * GROUPS:
        pair, at = values.topk(2, dim=1, largest=False)
        return at[:, 0], pair[:, 0], pair[:, 1]
    n_groups = columns // GROUPS
    grouped = values.view(rows, GROUPS, n_groups)
    minima, groups = grouped.amin(1).topk(2, dim=1, largest=False)
    best_group = groups[:, 0].view(rows, 1, 1).expand(rows, GROUPS, 1)
    pair, at = grouped.gather(2, best_group).squeeze(2).topk(2, dim=1, largest=False)
    return at[:, 0] * n_groups + groups[:, 0], pair[:, 0], torch.minimum(pair[:, 1], minima[:, 1])


@compiled(fastmath={"reassoc", "contract"})
def squared_distances(
    points: np.ndarray, rows: np.ndarray, others: np.ndarray, other_rows: np.ndarray
) -> np.ndarray:  # pragma: no cover - compiled
    """Squared distances of ``points[rows[i]]`` and ``others[other_rows[i]]`` from float64 differences."""
    result = np.empty(len(rows), np.float64)
    for i in range(len(rows)):
        row, other = rows[i], other_rows[i]
        total = 0.0
        for j in range(points.shape[1]):
            difference = np.float64(points[row, j]) - np.float64(others[other, j])
            total += difference * difference
        result[i] = total
    return result
