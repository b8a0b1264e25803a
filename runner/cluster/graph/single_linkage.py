"""Union-find over sorted edges: from a spanning tree to its dendrogram, its leaf order and its cuts."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np

from runner.utils.compiled import compiled


@dataclass(frozen=True)
class SpanningTree:
    """A minimum spanning tree, edges in ascending order of weight.

    Attributes:
        edges: int32, shape (n-1, 2), the two rows of each edge.
        weights: float64, shape (n-1,).
    """

    edges: np.ndarray
    weights: np.ndarray

    @property
    def n(self) -> int:
        return len(self.weights) + 1


@compiled()
def find(parents, node):  # type: ignore[no-untyped-def]
    """Root of ``node``; the path to it is halved on the way."""
    while parents[node] != node:
        parents[node] = parents[parents[node]]
        node = parents[node]
    return node


@compiled()
def _kruskal(edges, order, n):  # type: ignore[no-untyped-def]
    parents = np.arange(n)
    sizes = np.ones(n, dtype=np.int64)
    chosen = np.empty(n - 1, dtype=np.int64)
    count = 0
    for position in order:
        a, b = find(parents, edges[position, 0]), find(parents, edges[position, 1])
        if a == b:
            continue
        if sizes[a] < sizes[b]:
            a, b = b, a
        parents[b] = a
        sizes[a] += sizes[b]
        chosen[count] = position
        count += 1
        if count == n - 1:
            break
    return chosen[:count]


def minimum_spanning_forest(edges: np.ndarray, weights: np.ndarray, n: int) -> SpanningTree:
    """Kruskal's algorithm; of edges that weigh the same, that between the lowest rows comes first.

    That makes the tree the only one, in whatever order edges are given, the lower row of each first, and trees can be
    merged: the tree of two sets of edges is that of their two trees. Unlike
    ``scipy.sparse.csgraph.minimum_spanning_tree`` it takes edges of weight zero (duplicates).

    Args:
        edges: int, shape (m, 2), values in 0 … n-1.
        weights: float64, shape (m,).
        n: number of nodes.

    Returns:
        the tree, or fewer than n-1 edges where the graph is not connected.
    """
    ends = np.sort(edges, axis=1).astype(np.int64)
    chosen = _kruskal(edges, np.lexsort((ends[:, 0] * n + ends[:, 1], weights)), n)
    return SpanningTree(ends[chosen].astype(np.int32), weights[chosen].astype(np.float64))


def prim(edges: np.ndarray, lengths: np.ndarray, core: np.ndarray) -> SpanningTree:
    """Prim's algorithm from row 0 under mutual reachability; of equally near rows the first is taken.

    Edges of equal weight are in the order in which the tree grew. The packages hdbscan and scikit-learn leave that to
    NumPy's default sort, whose order of equal values is not the same on processors of all kinds; many edges weigh the
    same, the core distance of a row that they share, so that the order decides about some rows' clusters.

    Args:
        edges: int32, shape (m, 2), of a connected graph; duplicates do no harm.
        lengths: float64, shape (m,), Euclidean length of each edge.
        core: float64, shape (n,), core distance of each row.
    """
    ends = np.concatenate([edges[:, 0], edges[:, 1]])
    other_ends = np.concatenate([edges[:, 1], edges[:, 0]])
    by_end = np.argsort(ends, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(ends, minlength=len(core)))])
    edge_numbers = by_end % len(edges)
    tree, weights = _prim(starts, other_ends[by_end], lengths[edge_numbers], core)
    order = np.argsort(weights, kind="stable")
    return SpanningTree(tree[order], weights[order])


@compiled()
def _prim(starts, targets, lengths, core):  # type: ignore[no-untyped-def]
    n = len(core)
    keys = np.full(n, np.inf)
    sources = np.zeros(n, dtype=np.int32)
    in_tree = np.zeros(n, dtype=np.bool_)
    edges = np.empty((n - 1, 2), dtype=np.int32)
    weights = np.empty(n - 1)
    heap = [(0.0, np.int64(0))]
    count = -1  # row 0 enters without an edge
    while count < n - 1:
        key, node = heapq.heappop(heap)
        if in_tree[node]:
            continue
        in_tree[node] = True
        if count >= 0:
            edges[count, 0], edges[count, 1], weights[count] = sources[node], node, key
        count += 1
        for position in range(starts[node], starts[node + 1]):
            target = np.int64(targets[position])
            reach = max(lengths[position], core[node], core[target])
            if not in_tree[target] and reach < keys[target]:
                keys[target] = reach
                sources[target] = node
                heapq.heappush(heap, (reach, target))
    return edges, weights


@compiled()
def _dendrogram(edges, weights):  # type: ignore[no-untyped-def]
    n = len(weights) + 1
    parents = np.arange(2 * n - 1)
    merges = np.empty((n - 1, 4))
    sizes = np.ones(2 * n - 1, dtype=np.int64)
    for step in range(n - 1):
        a, b = find(parents, edges[step, 0]), find(parents, edges[step, 1])
        merged = n + step
        parents[a] = merged
        parents[b] = merged
        sizes[merged] = sizes[a] + sizes[b]
        merges[step, 0] = min(a, b)
        merges[step, 1] = max(a, b)
        merges[step, 2] = weights[step]
        merges[step, 3] = sizes[merged]
    return merges


def dendrogram(tree: SpanningTree) -> np.ndarray:
    """Single-linkage merges in the format of ``scipy.cluster.hierarchy.linkage``, float64, shape (n-1, 4)."""
    return _dendrogram(tree.edges, tree.weights)


@compiled()
def _leaf_order(edges, weights, n):  # type: ignore[no-untyped-def]
    parents = np.arange(n)
    sizes = np.ones(n, dtype=np.int64)
    first = np.arange(n)
    last = np.arange(n)
    following = np.full(n, -1, dtype=np.int64)
    gap_after = np.full(n, np.inf)
    for step in range(len(weights)):
        a, b = find(parents, edges[step, 0]), find(parents, edges[step, 1])
        following[last[a]] = first[b]
        gap_after[last[a]] = weights[step]
        start, end = first[a], last[b]
        if sizes[a] < sizes[b]:
            a, b = b, a
        parents[b] = a
        sizes[a] += sizes[b]
        first[a], last[a] = start, end
    order = np.empty(n, dtype=np.int64)
    gaps = np.empty(n)
    filled = 0
    for node in range(n):
        if find(parents, node) != node:
            continue
        leaf = first[node]
        while leaf != -1:
            order[filled] = leaf
            gaps[filled] = gap_after[leaf]
            filled += 1
            leaf = following[leaf]
    return order, gaps


def leaf_order(forest: SpanningTree, n: int) -> tuple[np.ndarray, np.ndarray]:
    """An order of the rows in which every cluster of every single-linkage cut is contiguous.

    Returns:
        ``order``, int64, shape (n,), and ``gaps``, float64, shape (n,): the largest edge on the path between
        the rows at places p < q is ``gaps[p:q].max()``; infinite between the trees of a forest.
    """
    return _leaf_order(forest.edges, forest.weights, n)


@compiled()
def _components(edges, n):  # type: ignore[no-untyped-def]
    parents = np.arange(n)
    for step in range(len(edges)):
        a, b = find(parents, edges[step, 0]), find(parents, edges[step, 1])
        parents[max(a, b)] = min(a, b)
    labels = np.empty(n, dtype=np.int32)
    numbers = np.full(n, -1, dtype=np.int32)
    count = 0
    for node in range(n):
        root = find(parents, node)
        if numbers[root] < 0:
            numbers[root] = count
            count += 1
        labels[node] = numbers[root]
    return labels


def cut(tree: SpanningTree, height: float) -> np.ndarray:
    """Connected components of the edges with weight ≤ ``height``: int32, shape (n,), numbered by first row."""
    return _components(tree.edges[: np.searchsorted(tree.weights, height, side="right")], tree.n)
