"""The condensed tree of HDBSCAN: which clusters of at least ``min_cluster_size`` rows a dendrogram holds.

After Campello, Moulavi, Sander (2013) and McInnes, Healy (2017); partitions agree with ``hdbscan.HDBSCAN``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from runner.cluster.trial import NOISE
from runner.utils.compiled import compiled

ROOT = 0


@dataclass(frozen=True)
class CondensedTree:
    """Clusters in topological order, the root (all rows) first; λ is 1 / distance.

    Attributes:
        parents: int64, shape (m,), cluster that each cluster was split from; -1 for the root.
        births: float64, shape (m,), λ at which each cluster splits from its parent.
        row_clusters: int64, shape (n,), the last cluster that each row belongs to.
        row_lambdas: float64, shape (n,), λ at which the row falls out of it.
    """

    parents: np.ndarray
    births: np.ndarray
    row_clusters: np.ndarray
    row_lambdas: np.ndarray

    @property
    def stabilities(self) -> np.ndarray:
        """Excess of mass of each cluster, float64, shape (m,)."""
        return _stabilities(self.parents, self.births, self.row_clusters, self.row_lambdas)


def condense(merges: np.ndarray, min_cluster_size: int) -> CondensedTree:
    """Prune a dendrogram to splits into two clusters of at least ``min_cluster_size`` rows.

    Args:
        merges: single-linkage merges in scipy's format, float64, shape (n-1, 4).
        min_cluster_size: at least 2.
    """
    return CondensedTree(*_condense(merges, min_cluster_size))


def select_excess_of_mass(tree: CondensedTree) -> np.ndarray:
    """The clusters of largest total stability, none inside another, never the root: bool, shape (m,)."""
    return _select_excess_of_mass(tree.parents, tree.stabilities)


def select_leaves(tree: CondensedTree) -> np.ndarray:
    """The clusters that are not split further, never the root: bool, shape (m,)."""
    selected = np.ones(len(tree.parents), dtype=np.bool_)
    selected[tree.parents[1:]] = False
    selected[ROOT] = False
    return selected


def merge_below(tree: CondensedTree, selected: np.ndarray, epsilon: float) -> np.ndarray:
    """Replace selected clusters born at a distance below ``epsilon`` by their lowest ancestor that is not
    (Malzer, Baum 2020: a hybrid of HDBSCAN and DBSCAN); an ancestor just below the root is the last resort."""
    return _merge_below(tree.parents, tree.births, selected, epsilon)


def labels_of(tree: CondensedTree, selected: np.ndarray) -> np.ndarray:
    """Label of each row: the selected cluster that holds it, or noise; int64, shape (n,)."""
    return _labels(tree.parents, selected, tree.row_clusters)


@compiled()
def _condense(merges, min_cluster_size):  # type: ignore[no-untyped-def]
    n = len(merges) + 1
    node_clusters = np.empty(2 * n - 1, dtype=np.int64)
    node_lambdas = np.full(2 * n - 1, np.nan)  # set once a node has fallen out of its cluster
    node_clusters[2 * n - 2] = ROOT
    parents = np.empty(2 * n, dtype=np.int64)
    births = np.empty(2 * n)
    parents[ROOT], births[ROOT] = -1, 0.0
    count = 1
    for step in range(n - 2, -1, -1):
        node = n + step
        cluster = node_clusters[node]
        children = (int(merges[step, 0]), int(merges[step, 1]))
        if not np.isnan(node_lambdas[node]):
            for child in children:
                node_clusters[child], node_lambdas[child] = cluster, node_lambdas[node]
            continue
        split_lambda = 1.0 / merges[step, 2] if merges[step, 2] > 0 else np.inf
        large = 0
        for child in children:
            large += (merges[child - n, 3] if child >= n else 1.0) >= min_cluster_size
        for child in children:
            size = merges[child - n, 3] if child >= n else 1.0
            node_clusters[child] = cluster
            if size < min_cluster_size or child < n:
                node_lambdas[child] = split_lambda
            if size >= min_cluster_size and large == 2:
                parents[count], births[count] = cluster, split_lambda
                node_clusters[child] = count
                count += 1
    return parents[:count].copy(), births[:count].copy(), node_clusters[:n].copy(), node_lambdas[:n].copy()


@numba.njit(inline="always")
def _lifetime(death, birth):  # type: ignore[no-untyped-def]
    return 0.0 if death == birth else death - birth  # infinite at both ends where rows are identical


@compiled()
def _stabilities(parents, births, row_clusters, row_lambdas):  # type: ignore[no-untyped-def]
    m = len(parents)
    sizes = np.zeros(m)
    stabilities = np.zeros(m)
    for row in range(len(row_clusters)):
        cluster = row_clusters[row]
        sizes[cluster] += 1
        stabilities[cluster] += _lifetime(row_lambdas[row], births[cluster])
    for cluster in range(m - 1, 0, -1):
        parent = parents[cluster]
        sizes[parent] += sizes[cluster]
        stabilities[parent] += _lifetime(births[cluster], births[parent]) * sizes[cluster]
    return stabilities


@compiled()
def _select_excess_of_mass(parents, stabilities):  # type: ignore[no-untyped-def]
    m = len(parents)
    of_children = np.zeros(m)
    selected = np.zeros(m, dtype=np.bool_)
    for cluster in range(m - 1, 0, -1):
        best = stabilities[cluster]
        if of_children[cluster] > best:
            best = of_children[cluster]
        else:
            selected[cluster] = True
        of_children[parents[cluster]] += best
    inside = np.zeros(m, dtype=np.bool_)
    for cluster in range(1, m):
        parent = parents[cluster]
        inside[cluster] = inside[parent] or selected[parent]
        if inside[cluster]:
            selected[cluster] = False
    return selected


@compiled()
def _merge_below(parents, births, selected, epsilon):  # type: ignore[no-untyped-def]
    m = len(parents)
    chosen = np.zeros(m, dtype=np.bool_)
    for cluster in range(1, m):
        if not selected[cluster]:
            continue
        target = cluster
        while 1.0 / births[target] < epsilon and parents[target] != ROOT:
            target = parents[target]
            if 1.0 / births[target] > epsilon:
                break
        chosen[target] = True
    inside = np.zeros(m, dtype=np.bool_)
    for cluster in range(1, m):
        parent = parents[cluster]
        inside[cluster] = inside[parent] or chosen[parent]
        if inside[cluster]:
            chosen[cluster] = False
    return chosen


@compiled()
def _labels(parents, selected, row_clusters):  # type: ignore[no-untyped-def]
    m = len(parents)
    owners = np.full(m, NOISE, dtype=np.int64)
    for cluster in range(1, m):
        owners[cluster] = cluster if selected[cluster] else owners[parents[cluster]]
    return owners[row_clusters]
