"""What every similarity threshold would give: groups, grouped images and linked pairs, all from one tree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runner.cluster.graph.similarity_tree import ROUNDING, SimilarityTree
from runner.cluster.graph.single_linkage import find
from runner.utils.compiled import compiled

Pair = tuple[int, int]
"""Rows of two images."""


GIVEN_UP = 0.2
"""Share of the linked pairs that ``knee`` gives up at most to cut at a clear gap."""

NEGLIGIBLE = 0.05
"""Distances below this share of the median one all count as no distance in ``knee``; their logarithms tell nothing."""

LARGE, LARGE_SHARE = 10, 0.03
"""Members, and share of all images, up to which a group may be one of duplicates; what grows beyond, unless it is
nearly as large without any distance, is a chain of strangers."""


@dataclass(frozen=True)
class ThresholdPoint:
    """What one threshold gives.

    Attributes:
        threshold: the similarity from which on two images are linked.
        groups: groups of two or more images.
        images: images in a group.
        pairs: pairs of images in one group, be they linked directly or through others.
        above: the least similar pair that is still linked, and its similarity; None if none is.
        below: the most similar pair of different groups, and its similarity; None if all images are in one.
    """

    threshold: float
    groups: int
    images: int
    pairs: int
    above: tuple[Pair, float] | None
    below: tuple[Pair, float] | None


@dataclass(frozen=True)
class Knee:
    """The threshold that ``auto`` takes, and why, in words."""

    threshold: float
    reason: str


@dataclass(frozen=True)
class ThresholdCurve:
    """Groups, grouped images and linked pairs at every threshold at which they change.

    Attributes:
        tree: what it was counted from.
        thresholds: float64, shape (m,), descending: the similarity of each edge of the tree.
        groups: int64, shape (m,): groups once this edge and all before it are links.
        images: int64, shape (m,): images in a group then.
        pairs: int64, shape (m,): pairs of images in one group then.
        largest: int64, shape (m,): images in the largest group then.
    """

    tree: SimilarityTree
    thresholds: np.ndarray
    groups: np.ndarray
    images: np.ndarray
    pairs: np.ndarray
    largest: np.ndarray

    def at(self, threshold: float) -> ThresholdPoint:
        """The counts at any threshold, with the pairs just above and below it."""
        linked = self.tree.count(threshold)
        last = linked - 1
        return ThresholdPoint(
            threshold=threshold,
            groups=int(self.groups[last]) if linked else 0,
            images=int(self.images[last]) if linked else 0,
            pairs=int(self.pairs[last]) if linked else 0,
            above=self._pair(last) if linked else None,
            below=self._pair(linked) if linked < len(self.thresholds) else None,
        )

    def knee(self) -> Knee:
        """The threshold below which links stop telling duplicates apart from what is merely alike.

        It starts from the stricter of two: the bend of the linked pairs over the distance 1 - similarity, both
        logarithmic, which is the point furthest below the straight line between their ends; and the last threshold
        before a group grows too large for one of duplicates. From there it moves up to the widest gap between two
        thresholds that costs at most ``GIVEN_UP`` of the pairs. Measured on images with planted duplicates
        (``tests/benchmarks/duplicates.py``). It is never below what strangers reach under this similarity, but even so
        a set without duplicates has a knee: look at its pairs.
        """
        knee, least = self._knee(), self.tree.strangers
        if knee.threshold >= least:
            return knee
        return Knee(least, f"what bends further down, at {knee.threshold:.3f}, is too unlike to be called duplicates")

    def _knee(self) -> Knee:
        """The knee wherever it lies."""
        if not len(self.thresholds):
            return Knee(1.0, "nothing is linked")
        steps = np.flatnonzero(np.append(np.diff(self.thresholds) < -ROUNDING, True))  # the last edge of each tie
        if len(steps) == 1:
            return Knee(float(self.thresholds[0]), "all links are equally similar")
        distances = 1 - self.thresholds[steps]
        floor = max(ROUNDING, NEGLIGIBLE * float(np.median(distances[distances > ROUNDING])))
        bend, chain = self._bend(steps, distances, floor), self._before_chain(steps, distances, floor)
        taken = self._widest_gap(steps, np.maximum(distances, floor), min(bend, chain))
        here = self.pairs[steps[taken]]
        if chain < bend:
            reason = f"below, groups of the {here:,} linked pairs grow into one of {self.largest[steps[chain + 1]]:,}"
        else:
            further = steps[min(taken + max(1, len(steps) // 50), len(steps) - 1)]
            reason = (
                f"the number of linked pairs bends upwards below: {here:,} here, "
                f"{self.pairs[further]:,} at {self.thresholds[further]:.3f}"
            )
        return Knee(float(self.thresholds[steps[taken]]), reason)

    def _bend(self, steps: np.ndarray, distances: np.ndarray, floor: float) -> int:
        """The step at which the pairs over the distance, both logarithmic, lie lowest below their chord."""
        start = max(0, int(np.searchsorted(distances, floor, side="right")) - 1)  # all before it are no distance at all
        if len(steps) - start < 3:
            return len(steps) - 1
        across = _from_zero_to_one(np.log(np.maximum(distances[start:], floor)))
        up = _from_zero_to_one(np.log(self.pairs[steps[start:]]))
        return start + int(np.argmax(across - up))

    def _before_chain(self, steps: np.ndarray, distances: np.ndarray, floor: float) -> int:
        """The last step at which no group is too large."""
        at_once = self.largest[steps[max(0, int(np.searchsorted(distances, floor, side="right")) - 1)]]
        limit = max(LARGE, LARGE_SHARE * self.tree.n, 2 * at_once)
        return max(0, int(np.searchsorted(self.largest[steps], limit, side="right")) - 1)

    def _widest_gap(self, steps: np.ndarray, distances: np.ndarray, last: int) -> int:
        """The step before the largest growth of the distance to the next one, at ``last`` or somewhat above."""
        nearest = int(np.searchsorted(self.pairs[steps], (1 - GIVEN_UP) * self.pairs[steps[last]]))
        growth = np.diff(np.log(distances[nearest : last + 2]))
        return nearest + int(np.argmax(growth)) if len(growth) else last

    def _pair(self, edge: int) -> tuple[Pair, float]:
        first, second = self.tree.edges[edge].tolist()
        return (min(first, second), max(first, second)), float(self.thresholds[edge])


def threshold_curve(tree: SimilarityTree) -> ThresholdCurve:
    """Count groups, grouped images and linked pairs at every threshold; milliseconds for 100,000 images.

    An edge that joins groups of a and b images links a·b more pairs, and groups those of the two that were single.
    """
    first, second = _joined_sizes(np.ascontiguousarray(tree.edges), tree.n)
    singles = (first == 1).astype(np.int64) + (second == 1)
    return ThresholdCurve(
        tree,
        tree.similarities,
        groups=np.cumsum(singles - 1),
        images=np.cumsum(singles),
        pairs=np.cumsum(first * second),
        largest=np.maximum.accumulate(first + second),
    )


def _from_zero_to_one(values: np.ndarray) -> np.ndarray:
    return (values - values[0]) / (values[-1] - values[0])


@compiled()
def _joined_sizes(edges, n):  # type: ignore[no-untyped-def]
    """Sizes of the two groups that each edge joins: int64, shape (m,) each."""
    parents = np.arange(n)
    sizes = np.ones(n, dtype=np.int64)
    first = np.empty(len(edges), dtype=np.int64)
    second = np.empty(len(edges), dtype=np.int64)
    for edge in range(len(edges)):
        a, b = find(parents, edges[edge, 0]), find(parents, edges[edge, 1])
        first[edge], second[edge] = sizes[a], sizes[b]
        if sizes[a] < sizes[b]:
            a, b = b, a
        parents[b] = a
        sizes[a] += sizes[b]
    return first, second
