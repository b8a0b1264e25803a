"""The nearest clusters of some clusters among all others, by blocked matrix products."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from runner.cluster.agglomerative.active_clusters import ABSORBED, ActiveClusters, distance
from runner.cluster.tiles import multiply
from runner.utils.compiled import compiled

ROWS, COLUMNS = 1024, 4096
"""A block of products: 16 MB in float32, which stays in the cache while it is read."""


@dataclass(frozen=True)
class ProductView:
    """All slots, laid out for matrix products in one precision.

    Two slots' distance is ``(offset + offset − factor · product) / (divisor + divisor)``. The offsets are lowered by
    the most that rounding can add to it.

    Attributes:
        vectors: float32 or float64, shape (slots, d).
        offsets: same dtype, shape (slots,); infinite where the cluster is gone.
        divisors: same dtype, shape (slots,); 1/2a for Ward, whose weight 2ab/(a+b) is 1/(1/2a + 1/2b), else 1/2.
        factor: same dtype, 2 for Ward, else 1.
        rounding: unit roundoff of the dtype.
    """

    vectors: np.ndarray
    offsets: np.ndarray
    divisors: np.ndarray
    factor: np.floating
    rounding: float

    @classmethod
    def of(cls, clusters: ActiveClusters, ward: bool, dtype: type[np.floating]) -> ProductView:
        rounding = float(np.finfo(dtype).eps) / 2
        factor = dtype(2 if ward else 1)
        # A product of d terms is off by at most d roundings of |u||v| ≤ (|u|² + |v|²)/2, in whatever order it is summed
        # (Higham 2002, section 3.1); the conversion of the vectors adds two, the other operations a few of the whole.
        half_squares = float(factor) * np.einsum("ij,ij->i", clusters.centroids, clusters.centroids) / 2
        terms = clusters.centroids.shape[1] + 3
        margins = rounding * (terms * half_squares + 4 * (np.abs(clusters.offsets) + half_squares))
        offsets = (clusters.offsets - margins).astype(dtype)
        offsets[clusters.states == ABSORBED] = np.inf
        vectors = clusters.centroids.astype(dtype, copy=False)
        divisors = 0.5 / clusters.sizes if ward else np.full(len(vectors), 0.5)
        return cls(vectors, offsets, divisors.astype(dtype), factor, rounding)


def search(view: ProductView, slots: np.ndarray, capacity: int) -> tuple[np.ndarray, np.ndarray]:
    """The others with the lowest lower bounds of their distance.

    Args:
        view: all slots.
        slots: int, shape (m,), the clusters whose neighbours are wanted.
        capacity: neighbours to keep for each.

    Returns:
        found: slots, int32, shape (m, capacity), -1 where there are fewer others.
        radii: float64, shape (m,); what is not among the found is at least that far away.
    """
    dtype = view.vectors.dtype
    found = np.full((len(slots), capacity), -1, dtype=np.int32)
    bounds = np.full((len(slots), capacity), np.inf, dtype=dtype)
    n_slots = len(view.vectors)
    buffer = np.empty(min(ROWS, len(slots)) * min(COLUMNS, n_slots), dtype=dtype)
    for start in range(0, len(slots), ROWS):
        block = slice(start, start + ROWS)
        chosen = slots[block]
        left = view.vectors[chosen]
        for first in range(0, n_slots, COLUMNS):
            columns = slice(first, min(first + COLUMNS, n_slots))
            products = buffer[: len(chosen) * (columns.stop - first)].reshape(len(chosen), -1)
            multiply(left, view.vectors[columns], out=products)
            _keep_nearest(
                products, view.factor, view.offsets[chosen], view.offsets[columns], view.divisors[chosen],
                view.divisors[columns], first, chosen, found[block], bounds[block],
            )  # fmt: skip
    return found, bounds[:, -1].astype(np.float64) * (1 - 8 * view.rounding)


@compiled(nogil=True, parallel=True, fastmath={"nnan", "nsz", "contract"})
def _keep_nearest(  # type: ignore[no-untyped-def]
    products, factor, row_offsets, column_offsets, row_divisors, column_divisors, first, own, found, bounds
):
    """Merge a block of products into the running lists of the lowest bounds; each list is kept sorted."""
    for row in numba.prange(products.shape[0]):
        offset, divisor, worst = row_offsets[row], row_divisors[row], bounds[row, -1]
        for column in range(products.shape[1]):
            lower = offset + column_offsets[column] - factor * products[row, column]
            total = divisor + column_divisors[column]
            if lower < worst * total and first + column != own[row]:
                _insert(lower / total, first + column, bounds[row], found[row])
                worst = bounds[row, -1]


@compiled(nogil=True)
def _insert(bound, slot, bounds, found):  # type: ignore[no-untyped-def]
    place = len(bounds) - 1
    while place > 0 and bounds[place - 1] > bound:
        bounds[place] = bounds[place - 1]
        found[place] = found[place - 1]
        place -= 1
    bounds[place] = bound
    found[place] = slot


@compiled(nogil=True, parallel=True)
def fill_candidates(clusters, ward, slots, found, radii, decisive):  # type: ignore[no-untyped-def]
    """Give clusters the candidates that a search found, with their exact distances.

    Args:
        clusters: ``ActiveClusters``, changed in place.
        ward: Ward's distance, else average cosine.
        slots: int, shape (m,), the clusters that were searched.
        found: int32, shape (m, capacity), slots, -1 for none.
        radii: float64, shape (m,).
        decisive: the search was as precise as distances are: the nearest found is the nearest, even if
            rounding has put it outside the radius.

    Returns:
        bool, shape (m,): whether the nearest cluster is among the candidates now.
    """
    resolved = np.zeros(len(slots), dtype=np.bool_)
    for index in numba.prange(len(slots)):
        resolved[index] = _fill(clusters, ward, slots[index], found[index], radii[index], decisive)
    return resolved


@compiled(nogil=True)
def _fill(clusters, ward, slot, found, radius, decisive):  # type: ignore[no-untyped-def]
    distances = np.empty(len(found))
    least = np.inf
    for place in range(len(found)):
        if found[place] >= 0:
            distances[place] = distance(clusters, ward, slot, np.int64(found[place]))
            least = min(least, distances[place])
    if decisive:
        radius = max(radius, least)
    count = 0
    for place in range(len(found)):
        if found[place] >= 0 and distances[place] <= radius:
            clusters.candidates[slot, count] = clusters.numbers[found[place]]
            clusters.bounds[slot, count] = distances[place]
            clusters.exact[slot, count] = True
            count += 1
    clusters.counts[slot] = count
    clusters.radii[slot] = radius
    return count > 0
