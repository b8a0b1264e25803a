"""The clusters that are still to be merged, each with a short list of the clusters near it.

Every cluster knows a *radius* and its *candidates*: whatever is not a candidate is at least the radius away.
Ward and average linkage are reducible, d(X, A∪B) ≥ min(d(X, A), d(X, B)), so both outlive the merges of others:
a candidate that was merged hands its bound on, and nothing outside can come nearer than the radius. The nearest
candidate is therefore the nearest cluster for as long as it lies within the radius; only a cluster that has
none left needs a search through all others.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from runner.cluster.graph.single_linkage import find
from runner.utils.compiled import compiled

UNSEEN, CHAINED, BLOCKED, UNRESOLVED, ABSORBED = range(5)
"""State of a cluster: not visited, on the chain, waiting for an unresolved one, in need of a search, gone."""


class ActiveClusters(NamedTuple):
    """Arrays by *slot* (the place of one active cluster) and by *number* (a cluster's own, never given twice).

    Distances follow from sizes a and b, centroids u and v, and offsets: for Ward 2ab/(a+b) · |u − v|², the square
    of the height; for average cosine offset(u) + offset(v) − u·v.

    Attributes:
        centroids: float64, shape (slots, d), relative to the mean of all vectors.
        offsets: float64, shape (slots,); |u|² for Ward, and for average cosine what the shift to the mean costs.
        sizes: float64, shape (slots,), vectors in the cluster.
        states: uint8, shape (slots,).
        numbers: int32, shape (slots,).
        rows: int32, shape (slots,), a row that is in the cluster.
        candidates: int32, shape (slots, capacity), numbers of near clusters, possibly merged since.
        bounds: float64, shape (slots, capacity), lower bounds of their distances, none above the radius.
        exact: bool, shape (slots, capacity), whether the bound is the distance to that very number.
        counts: int32, shape (slots,), candidates in use.
        radii: float64, shape (slots,).
        parents: int32, shape (numbers,), union-find from a number to the one it was merged into.
        slots: int64, shape (numbers,), slot of a number that is active.
        next_number: int64, shape (1,).
    """

    centroids: np.ndarray
    offsets: np.ndarray
    sizes: np.ndarray
    states: np.ndarray
    numbers: np.ndarray
    rows: np.ndarray
    candidates: np.ndarray
    bounds: np.ndarray
    exact: np.ndarray
    counts: np.ndarray
    radii: np.ndarray
    parents: np.ndarray
    slots: np.ndarray
    next_number: np.ndarray

    @classmethod
    def start(
        cls, centroids: np.ndarray, offsets: np.ndarray, sizes: np.ndarray, rows: np.ndarray, capacity: int
    ) -> ActiveClusters:
        """Clusters that know nothing of each other yet; ``centroids`` is changed as they merge."""
        n = len(centroids)
        return cls(
            centroids=centroids,
            offsets=offsets,
            sizes=sizes,
            states=np.full(n, UNRESOLVED, dtype=np.uint8),
            numbers=np.arange(n, dtype=np.int32),
            rows=rows.astype(np.int32),
            candidates=np.zeros((n, capacity), dtype=np.int32),
            bounds=np.zeros((n, capacity)),
            exact=np.zeros((n, capacity), dtype=np.bool_),
            counts=np.zeros(n, dtype=np.int32),
            radii=np.zeros(n),
            parents=np.arange(2 * n - 1, dtype=np.int32),
            slots=np.arange(2 * n - 1),
            next_number=np.array([n]),
        )

    def compacted(self) -> ActiveClusters:
        """The same clusters without the slots of those that are gone."""
        kept = np.flatnonzero(self.states != ABSORBED)
        by_number = ("parents", "slots", "next_number")
        compact = self._replace(**{name: getattr(self, name)[kept] for name in self._fields if name not in by_number})
        self.slots[compact.numbers] = np.arange(len(kept))
        return compact


@compiled(nogil=True, fastmath={"reassoc", "contract", "nsz"})
def dot(a, b):  # type: ignore[no-untyped-def]
    """Inner product, the same to the last bit in either order."""
    total = 0.0
    for axis in range(a.shape[0]):
        total += a[axis] * b[axis]
    return total


@compiled(nogil=True, fastmath={"reassoc", "contract", "nsz"})
def squared_distance(a, b):  # type: ignore[no-untyped-def]
    """|a − b|², the same to the last bit in either order."""
    total = 0.0
    for axis in range(a.shape[0]):
        difference = np.float64(a[axis]) - np.float64(b[axis])
        total += difference * difference
    return total


@compiled(nogil=True)
def distance(clusters, ward, one, other):  # type: ignore[no-untyped-def]
    """Distance of the clusters in two slots, the same to the last bit in either order."""
    if ward:
        a, b = clusters.sizes[one], clusters.sizes[other]
        return 2 * a * b / (a + b) * squared_distance(clusters.centroids[one], clusters.centroids[other])
    product = dot(clusters.centroids[one], clusters.centroids[other])
    return max(0.0, clusters.offsets[one] + clusters.offsets[other] - product)


@compiled(nogil=True)
def nearest(clusters, ward, slot):  # type: ignore[no-untyped-def]
    """Slot and distance of the nearest cluster; -1 and the radius if no candidate is provably the nearest."""
    while clusters.counts[slot] > 0:
        place = _lowest(clusters, slot)
        if not _bring_up_to_date(clusters, slot, place):
            continue
        other = clusters.slots[clusters.candidates[slot, place]]
        if clusters.exact[slot, place]:
            return other, clusters.bounds[slot, place]
        exact = distance(clusters, ward, slot, other)
        if exact > clusters.radii[slot]:
            _drop(clusters, slot, place)
            continue
        clusters.bounds[slot, place] = exact
        clusters.exact[slot, place] = True
    return -1, clusters.radii[slot]


@compiled(nogil=True)
def _lowest(clusters, slot):  # type: ignore[no-untyped-def]
    lowest = 0
    for place in range(1, clusters.counts[slot]):
        if clusters.bounds[slot, place] < clusters.bounds[slot, lowest]:
            lowest = place
    return lowest


@compiled(nogil=True)
def bring_all_up_to_date(clusters, slot):  # type: ignore[no-untyped-def]
    """Let every candidate that was merged stand for the cluster it is in now, each of which is listed once."""
    for place in range(clusters.counts[slot] - 1, -1, -1):
        _bring_up_to_date(clusters, slot, place)


@compiled(nogil=True)
def _bring_up_to_date(clusters, slot, place):  # type: ignore[no-untyped-def]
    """The same for one candidate; False if its cluster was listed already, and the place now holds another."""
    current = find(clusters.parents, clusters.candidates[slot, place])
    if current == clusters.candidates[slot, place]:
        return True
    for other in range(clusters.counts[slot]):
        if clusters.candidates[slot, other] == current:
            # An exact entry stays what it is; of two bounds, each for a part of the cluster, the lower one holds.
            if not clusters.exact[slot, other]:
                clusters.bounds[slot, other] = min(clusters.bounds[slot, other], clusters.bounds[slot, place])
            _drop(clusters, slot, place)
            return False
    clusters.candidates[slot, place] = current
    clusters.exact[slot, place] = False
    return True


@compiled(nogil=True)
def _drop(clusters, slot, place):  # type: ignore[no-untyped-def]
    last = clusters.counts[slot] - 1
    clusters.candidates[slot, place] = clusters.candidates[slot, last]
    clusters.bounds[slot, place] = clusters.bounds[slot, last]
    clusters.exact[slot, place] = clusters.exact[slot, last]
    clusters.counts[slot] = last
