"""The exact minimum spanning tree of mutual reachability, the second half of the shared geometry.

The mutual reachability of two rows is the largest of their two core distances and their distance
(Campello, Moulavi, Sander 2013). One tree at the largest ``min_samples`` serves all smaller ones:
together with the neighbour graph it holds a minimum spanning tree for each of them
(CORE-SG; Neto, Sander, Campello, Nascimento 2021).

The tree is found in a single pass over half of the n × n products. A good tree of the neighbour graph is
known beforehand, and a pair of rows can only improve it if it is closer than the largest edge on the path
that joins them there (the cycle property). With the rows in the tree's leaf order that edge is the larger of two
running maxima, one of the row and one of the column, so that a pair costs one comparison in vector instructions,
and next to none of them pass. Those are decided in float64, ties by the total order (weight, row, row), so that the
tree is the same whatever the products' last bits are. Equal rows are one, joined to their copies in the end.
"""

from __future__ import annotations

import numba
import numpy as np
import torch

from runner.cluster.copies import spread_tree
from runner.cluster.distinct_rows import DistinctRows, distinct_rows
from runner.cluster.graph.neighbors import TWO, Neighbors, squared_norms
from runner.cluster.graph.single_linkage import SpanningTree, cut, leaf_order, minimum_spanning_forest, prim
from runner.cluster.tiles import ROUNDING, Progress, Tile, as_tensor, blocks, multiply, silent, symmetric_tiles
from runner.utils.compiled import compiled

PROBES = 512
"""Rows that look for other components in one round, when the neighbour graph falls apart; enough for a tree that is
then made exact."""


def mutual_reachability_tree(
    vectors: np.ndarray,
    neighbors: Neighbors,
    min_samples: int,
    device: str = "cpu",
    progress: Progress = silent,
    *,
    distinct: DistinctRows | None = None,
) -> SpanningTree:
    """Exact minimum spanning tree of the mutual-reachability graph.

    Args:
        vectors: float32, shape (n, d).
        neighbors: the exact neighbour graph of ``vectors`` with at least ``min_samples`` neighbours.
        min_samples: which neighbour defines the core distance; the row itself does not count,
            as in ``hdbscan.HDBSCAN``.
        device: torch device of the products.
        progress: told the share of the work done.
        distinct: the different rows where they are known already.
    """
    distinct = distinct or distinct_rows(vectors)
    vectors = distinct.of(np.asarray(vectors))
    core = distinct.of(np.ascontiguousarray(neighbors.core_distances(min_samples)))
    forest = neighborhood_forest(neighbors, min_samples, distinct)
    tree = connected_by_representatives(vectors, core, forest, device)
    search = _TreeOrder(tree, vectors, core)
    pending: list[np.ndarray] = []
    for tile in symmetric_tiles(search.vectors, device, progress):
        pending.append(_unknown(search.improving_pairs(tile), vectors, core))
        if sum(map(len, pending)) > len(vectors):
            tree, pending = _improved(tree, np.concatenate(pending), vectors, core), []
    tree = _improved(tree, np.concatenate(pending), vectors, core) if pending else tree
    return spread_tree(tree, core, distinct)


def _unknown(pairs: np.ndarray, vectors: np.ndarray, core: np.ndarray) -> np.ndarray:
    """The pairs but those that are closer than one of their core distances: the neighbour graph has these."""
    return pairs[edge_lengths(vectors, pairs) >= np.maximum(core[pairs[:, 0]], core[pairs[:, 1]])]


def neighborhood_forest(neighbors: Neighbors, min_samples: int, distinct: DistinctRows) -> SpanningTree:
    """Minimum spanning forest, of the different rows, of the neighbour graph alone, under mutual reachability."""
    core = distinct.of(np.ascontiguousarray(neighbors.core_distances(min_samples)))
    edges, lengths = _graph_edges(neighbors, distinct)
    weights = np.maximum(lengths, np.maximum(core[edges[:, 0]], core[edges[:, 1]]))
    return minimum_spanning_forest(edges, weights, len(core))


def reweighted_tree(
    vectors: np.ndarray,
    neighbors: Neighbors,
    tree: SpanningTree,
    min_samples: int,
    *,
    distinct: DistinctRows | None = None,
) -> SpanningTree:
    """The exact tree for the same or a smaller ``min_samples`` (CORE-SG), with ties as ``hdbscan`` has them.

    Many edges of mutual reachability weigh exactly the same, namely one row's core distance, so that there are
    many minimum spanning trees, and which one is taken changes clusters noticeably. Every edge of such a tie
    joins neighbours, hence Prim's algorithm from row 0 on the neighbour graph and any one minimum spanning tree
    meets the same ties as on the full graph, and yields the tree of ``hdbscan.HDBSCAN(algorithm="prims_kdtree")``.
    Only equal rows are joined first, which there may end up in different clusters.

    Args:
        vectors: float32, shape (n, d).
        neighbors: the exact neighbour graph.
        tree: an exact tree for a ``min_samples`` that is at least this one and at most ``neighbors.k``.
        min_samples: which neighbour defines the core distance.
        distinct: the different rows where they are known already.
    """
    distinct = distinct or distinct_rows(vectors)
    core = distinct.of(np.ascontiguousarray(neighbors.core_distances(min_samples)))
    graph, lengths = _graph_edges(neighbors, distinct)
    joined = distinct.numbers[tree.edges]
    different = joined[:, 0] != joined[:, 1]
    edges = np.concatenate([graph, joined[different].astype(np.int32)])
    lengths = np.concatenate([lengths, edge_lengths(np.asarray(vectors), tree.edges[different])])
    return spread_tree(prim(edges, lengths, core), core, distinct)


def _graph_edges(neighbors: Neighbors, distinct: DistinctRows) -> tuple[np.ndarray, np.ndarray]:
    """The neighbour graph of the different rows: edges, int32, shape (m, 2), and their lengths."""
    k = neighbors.k
    heads = np.repeat(np.arange(len(distinct), dtype=np.int32), k)
    tails = distinct.numbers[distinct.of(neighbors.indices)].ravel().astype(np.int32)
    different = heads != tails
    return np.stack([heads, tails], axis=1)[different], distinct.of(neighbors.distances).ravel()[different]


@compiled(parallel=True)
def edge_lengths(vectors, edges):  # type: ignore[no-untyped-def]
    """Euclidean length of each edge: float64, shape (m,), from float32 vectors and int edges of shape (m, 2)."""
    lengths = np.empty(len(edges))
    for number in numba.prange(len(edges)):
        i, j = edges[number, 0], edges[number, 1]
        total = 0.0
        for axis in range(vectors.shape[1]):
            difference = np.float64(vectors[i, axis]) - np.float64(vectors[j, axis])
            total += difference * difference
        lengths[number] = np.sqrt(total)
    return lengths


def _improved(tree: SpanningTree, pairs: np.ndarray, vectors: np.ndarray, core: np.ndarray) -> SpanningTree:
    """The minimum spanning tree of ``tree`` and ``pairs`` together."""
    weights = np.maximum(edge_lengths(np.asarray(vectors), pairs), np.maximum(core[pairs[:, 0]], core[pairs[:, 1]]))
    edges = np.concatenate([tree.edges, pairs])
    return minimum_spanning_forest(edges, np.concatenate([tree.weights, weights]), len(core))


class _TreeOrder:
    """The rows in a spanning tree's leaf order, where the largest edge between any two is a range maximum.

    Attributes:
        vectors: the rows in that order.
    """

    def __init__(self, tree: SpanningTree, vectors: np.ndarray, core: np.ndarray) -> None:
        self._order, self._gaps = leaf_order(tree, len(core))
        self.vectors = np.asarray(vectors)[self._order]
        self._core = core[self._order]
        self._least_squares = squared_norms(self.vectors) * np.float32(1 - ROUNDING)

    def improving_pairs(self, tile: Tile) -> np.ndarray:
        """Pairs of rows that may improve the tree, from a tile of ``vectors``: int32, shape (m, 2)."""
        places = self._within(tile) if tile.is_diagonal else self._across(tile)
        return self._order[places + np.array([tile.rows.start, tile.columns.start])].astype(np.int32)

    def _within(self, tile: Tile) -> np.ndarray:
        rows = tile.rows
        products = tile.products.cpu().numpy()
        return np.argwhere(_improving_within(products, self._least_squares[rows], self._core[rows], self._gaps[rows]))

    def _across(self, tile: Tile) -> np.ndarray:
        """The largest edge between a row and a column is that up to the first column, or from there on."""
        rows, columns = tile.rows, tile.columns
        up_to_columns = np.maximum.accumulate(self._gaps[rows.start : columns.start][::-1])[::-1]
        row_limits = up_to_columns[: rows.stop - rows.start]
        column_limits = np.zeros(columns.stop - columns.start)
        np.maximum.accumulate(self._gaps[columns.start : columns.stop - 1], out=column_limits[1:])
        close = _close_pairs(
            tile.products,
            self._least_squares[rows],
            self._least_squares[columns],
            _square_above(row_limits),
            _square_above(column_limits),
        )
        row, column = close.T
        limits = np.maximum(row_limits[row], column_limits[column])
        return close[np.maximum(self._core[rows][row], self._core[columns][column]) <= limits]


def _square_above(limits: np.ndarray) -> np.ndarray:
    """float32 numbers that are not below the squares of ``limits``."""
    return np.nextafter((limits * limits).astype(np.float32), np.float32(np.inf))


def _close_pairs(products: torch.Tensor, *squares_and_limits: np.ndarray) -> np.ndarray:
    """Rows and columns whose squared distance is below the larger of their limits.

    Args:
        products: of the rows and columns, shape (r, c).
        squares_and_limits: float32, squared norms of the rows (r,) and of the columns (c,), and the limits of both.

    Returns:
        int64, shape (m, 2).
    """
    if products.device.type == "cpu":
        arrays = (products.numpy(), *squares_and_limits)
        return _list_close(arrays, _count_close(arrays))
    return _close_pairs_torch(products, *squares_and_limits)


def _close_pairs_torch(products: torch.Tensor, *squares_and_limits: np.ndarray) -> np.ndarray:
    row_squares, column_squares, row_limits, column_limits = (
        torch.as_tensor(values, device=products.device) for values in squares_and_limits
    )
    squares = row_squares[:, None] + column_squares - 2 * products
    return torch.nonzero(squares < torch.maximum(row_limits[:, None], column_limits)).cpu().numpy()


@compiled(parallel=True)
def _count_close(arrays):  # type: ignore[no-untyped-def]
    """Per row, how many columns are close: without a branch, so that it runs in vector instructions."""
    products, row_squares, column_squares, row_limits, column_limits = arrays
    counts = np.zeros(len(products), dtype=np.int64)
    for i in numba.prange(len(products)):
        count = 0
        for j in range(products.shape[1]):
            square = row_squares[i] + column_squares[j] - TWO * products[i, j]
            count += square < max(row_limits[i], column_limits[j])
        counts[i] = count
    return counts


@compiled()
def _list_close(arrays, counts):  # type: ignore[no-untyped-def]
    products, row_squares, column_squares, row_limits, column_limits = arrays
    pairs = np.empty((counts.sum(), 2), dtype=np.int64)
    found = 0
    for i in np.flatnonzero(counts):
        for j in range(products.shape[1]):
            square = row_squares[i] + column_squares[j] - TWO * products[i, j]
            if square < max(row_limits[i], column_limits[j]):
                pairs[found, 0], pairs[found, 1] = i, j
                found += 1
    return pairs


@compiled(parallel=True)
def _improving_within(products, least_squares, core, gaps):  # type: ignore[no-untyped-def]
    """The pairs of one block of rows that may improve the tree, as the upper triangle of a bool matrix."""
    n = len(products)
    improves = np.zeros((n, n), dtype=np.bool_)
    for i in numba.prange(n):
        limit = 0.0
        for j in range(i + 1, n):
            limit = max(limit, gaps[j - 1])
            square = least_squares[i] + least_squares[j] - TWO * products[i, j]
            improves[i, j] = square <= limit * limit and core[i] <= limit and core[j] <= limit
    return improves


def connected_by_representatives(
    vectors: np.ndarray, core: np.ndarray, forest: SpanningTree, device: str, probes: int = PROBES
) -> SpanningTree:
    """Join the trees of a forest by good, though not always the best, edges.

    In each round a few central rows of every component, ``probes`` in all, look for the nearest row outside of it, and
    the components that find each other merge.
    """
    n = len(core)
    whole = as_tensor(vectors, device)
    norms = as_tensor(squared_norms(vectors), device)
    center = np.asarray(vectors).mean(axis=0, dtype=np.float64).astype(np.float32)
    eccentricity = np.maximum(np.linalg.norm(np.asarray(vectors) - center, axis=1), core)
    while len(forest.weights) < n - 1:
        components = _component_labels(forest, n)
        rows = _central_rows(components, eccentricity, probes)
        pairs = [
            _nearest_outside(whole, norms, as_tensor(core, device).float(), components, rows[block], device)
            for block in blocks(len(rows), 512)
        ]
        forest = _improved(forest, np.concatenate(pairs), vectors, core)
    return forest


def _component_labels(forest: SpanningTree, n: int) -> np.ndarray:
    padding = np.full(n - 1 - len(forest.weights), np.inf)  # self-loops stand for the missing edges
    edges = np.concatenate([forest.edges, np.zeros((len(padding), 2), dtype=np.int32)])
    return cut(SpanningTree(edges, np.concatenate([forest.weights, padding])), np.finfo(np.float64).max)


def _central_rows(components: np.ndarray, eccentricity: np.ndarray, count: int) -> np.ndarray:
    """The most central rows of every component but the largest, which the others will find."""
    sizes = np.bincount(components)
    each = max(1, count // len(sizes))
    order = np.lexsort((eccentricity, components))
    starts = np.concatenate([[0], np.cumsum(sizes)])
    rank = np.arange(len(order)) - starts[components[order]]
    return order[(rank < each) & (components[order] != sizes.argmax())]


def _nearest_outside(
    whole: torch.Tensor,
    norms: torch.Tensor,
    core: torch.Tensor,
    components: np.ndarray,
    probes: np.ndarray,
    device: str,
) -> np.ndarray:
    labels = torch.as_tensor(components, device=device)
    rows = torch.as_tensor(probes, device=device)
    squared = norms[rows, None] + norms[None, :] - 2 * multiply(whole[rows], whole)
    reach = torch.maximum(squared, (core * core)[None, :])
    reach.masked_fill_(labels[rows, None] == labels[None, :], torch.inf)
    return np.stack([probes, reach.argmin(dim=1).cpu().numpy()], axis=1).astype(np.int32)
