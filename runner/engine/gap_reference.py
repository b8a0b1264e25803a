"""The embedding's cloud without clusters, clustered: computed once and kept with the geometry."""

from __future__ import annotations

import numpy as np

from runner.cluster.agglomerative import cut_linkage, ward_linkage
from runner.cluster.geometry import SCORED_NEIGHBORS, Geometry
from runner.cluster.graph.neighbors import nearest_neighbors
from runner.cluster.structureless import structureless_cloud
from runner.score.gap_reference import StructurelessShares, structureless_shares

CUTS = 20
"""Partitions of the cloud, evenly spaced in the logarithm of the number of clusters."""


def shares_in_structureless_cloud(geometry: Geometry, seed: int) -> StructurelessShares:
    """How well the clusters of Ward's method hold neighbours together in a cloud of the embedding's shape.

    Ward's clusters have all sizes, and they fit the noise of a cloud better than those of k-means and no better than
    those of other linkages; ``tests/benchmarks/selection_regret.py`` tells what the choice is worth.
    """

    def compute() -> np.ndarray:
        cloud = structureless_cloud(geometry.vectors, seed)
        neighbors = nearest_neighbors(cloud, min(SCORED_NEIGHBORS, len(cloud) - 1))
        merges = ward_linkage(cloud, neighbors)
        counts = np.unique(np.round(np.geomspace(2, max(2, len(cloud) // 2), CUTS)).astype(int))
        shares = structureless_shares((cut_linkage(merges, int(count)) for count in counts), neighbors.indices)
        return np.column_stack([shares.sizes, shares.shares])

    stored = np.asarray(geometry.prepared("structureless", compute))
    return StructurelessShares(stored[:, 0], stored[:, 1:])
