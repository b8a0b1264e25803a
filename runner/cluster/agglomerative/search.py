"""The nearest clusters of some clusters among all others, by blocked matrix products."""

from __future__ import annotations

import numba
import numpy as np

from runner.cluster.agglomerative.active_clusters import ABSORBED, ActiveClusters, distance

ROWS, COLUMNS = 1024, 4096
"""A block of products: 16 MB in float32, which stays in the cache while it is read."""


class ColumnView:
    """All slots, laid out for products in one precision.

    With ``products = u · v`` the distance of two clusters is ``weight · (offset + offset - factor · product)``,
    where the weight is that of Ward's distance, 1 for average linkage. Offsets are lowered by the most that rounding can
    add, so that what is computed is a lower bound of the distance.
    """

    def __init__(self, clusters: ActiveClusters, ward: bool, dtype: type[np.floating]) -> None:
        rounding = float(np.finfo(dtype).eps) / 2
        squared = np.einsum("ij,ij->i", clusters.centroids, clusters.centroids)
        self.ward = ward
        self.factor = dtype(2 if ward else 1)
        spread = self.factor * squared / 2
        terms = clusters.centroids.shape[1] + 4
        margin = rounding * (terms * spread + 4 * (np.abs(clusters.offsets) + spread))
        self.vectors = clusters.centroids.astype(dtype, copy=False)
        self.offsets = (clusters.offsets - margin).astype(dtype)
        self.offsets[clusters.states == ABSORBED] = np.inf
        self.sizes = (2 * clusters.sizes).astype(dtype)
        self.relative = 1 - 8 * rounding


def search(view: ColumnView, rows: np.ndarray, capacity: int) -> tuple[np.ndarray, np.ndarray]:
    """Lowest lower bounds of each row's distances.

    Args:
        view: all slots.
        rows: int32, slots whose neighbours are wanted.
        capacity: neighbours to keep per row.

    Returns:
        slots, int32, shape (rows, capacity), -1 where there are fewer others, and the radius of each row,
        float64: no slot that is not returned is nearer.
    """
    dtype = view.vectors.dtype
    found = np.full((len(rows), capacity), -1, dtype=np.int32)
    bounds = np.full((len(rows), capacity), np.inf, dtype=dtype)
    n_slots = len(view.vectors)
    buffer = np.empty(ROWS * COLUMNS, dtype=dtype)
    for start in range(0, len(rows), ROWS):
        block = slice(start, min(start + ROWS, len(rows)))
        chosen = rows[block]
        left = view.vectors[chosen]
        for first in range(0, n_slots, COLUMNS):
            columns = slice(first, min(first + COLUMNS, n_slots))
            shape = (len(chosen), columns.stop - first)
            products = buffer[: shape[0] * shape[1]].reshape(shape)
            np.matmul(left, view.vectors[columns].T, out=products)
            _keep_nearest(
                products, view.factor, view.offsets[chosen], view.offsets[columns],
                view.sizes[chosen], view.sizes[columns], view.ward, first, chosen, found[block], bounds[block],
            )
    return found, bounds[:, -1].astype(np.float64) * view.relative


@numba.njit(cache=True, nogil=True, parallel=True, fastmath={"nnan", "nsz", "contract", "reassoc"})
def _keep_nearest(products, factor, row_offsets, column_offsets, row_sizes, column_sizes, ward, first, own, found, bounds):  # type: ignore[no-untyped-def]
    """Merge a block into the running lists of the lowest bounds; each list is kept sorted."""
    n_rows, n_columns = products.shape
    width = 64
    for row in numba.prange(n_rows):
        lowers = np.empty(width, dtype=products.dtype)
        worst = bounds[row, -1]
        offset = row_offsets[row]
        a = row_sizes[row]
        for start in range(0, n_columns, width):
            stop = min(start + width, n_columns)
            least = products.dtype.type(np.inf)
            if ward:
                for column in range(start, stop):
                    b = column_sizes[column]
                    lower = (offset + column_offsets[column] - factor * products[row, column]) * (a * b / (a + b))
                    lowers[column - start] = lower
                    least = min(least, lower)
            else:
                for column in range(start, stop):
                    lower = offset + column_offsets[column] - factor * products[row, column]
                    lowers[column - start] = lower
                    least = min(least, lower)
            if least >= worst:
                continue
            for column in range(start, stop):
                lower = lowers[column - start]
                if lower < worst and first + column != own[row]:
                    _insert(lower, first + column, bounds[row], found[row])
                    worst = bounds[row, -1]


@numba.njit(cache=True, nogil=True)
def _insert(bound, slot, bounds, found):  # type: ignore[no-untyped-def]
    place = len(bounds) - 1
    while place > 0 and bounds[place - 1] > bound:
        bounds[place] = bounds[place - 1]
        found[place] = found[place - 1]
        place -= 1
    bounds[place] = bound
    found[place] = slot


@numba.njit(cache=True, nogil=True, parallel=True)
def fill_candidates(clusters, ward, rows, found, radii, decisive):  # type: ignore[no-untyped-def]
    """Give clusters the candidates that a search found, with their exact distances.

    Args:
        clusters: ``ActiveClusters``, changed in place.
        ward: Ward's distance, else average cosine.
        rows: int32, slots that were searched.
        found: int32, shape (rows, capacity), slots, -1 for none.
        radii: float64, shape (rows,).
        decisive: the search was as exact as distances are; the nearest found is the nearest even where
            rounding puts it outside the radius.

    Returns:
        bool, shape (rows,): whether the nearest cluster is among the candidates.
    """
    resolved = np.zeros(len(rows), dtype=np.bool_)
    for row in numba.prange(len(rows)):
        resolved[row] = _fill(clusters, ward, rows[row], found[row], radii[row], decisive)
    return resolved


@numba.njit(cache=True, nogil=True)
def _fill(clusters, ward, slot, found, radius, decisive):  # type: ignore[no-untyped-def]
    distances = np.full(len(found), np.inf)
    for place in range(len(found)):
        if found[place] >= 0:
            distances[place] = distance(clusters, ward, slot, found[place])
    if decisive:
        radius = max(radius, distances.min())
    count = 0
    for place in range(len(found)):
        if found[place] >= 0 and distances[place] <= radius:
            clusters.candidates[slot, count] = clusters.nodes[found[place]]
            clusters.bounds[slot, count] = distances[place]
            clusters.exact[slot, count] = True
            count += 1
    clusters.counts[slot] = count
    clusters.radii[slot] = radius
    return count > 0
