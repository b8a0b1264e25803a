"""The exact minimum spanning tree of mutual reachability, the second half of the shared geometry.

The mutual reachability of two rows is the largest of their two core distances and their distance
(Campello, Moulavi, Sander 2013). One tree at the largest ``min_samples`` serves all smaller ones:
together with the neighbour graph it holds a minimum spanning tree for each of them
(CORE-SG; Neto, Sander, Campello, Nascimento 2021).

The tree is found in a single pass over half of the n × n products. A good tree of the neighbour graph is
known beforehand, and a pair of rows can only improve it if it is closer than the largest edge on the path
that joins them there (the cycle property). In the tree's leaf order that edge is a running maximum,
so that a pair costs one comparison, and next to none of them pass.
"""

from __future__ import annotations

import numba
import numpy as np
import torch

from runner.cluster.neighbors import Neighbors, squared_norms
from runner.cluster.products import Progress, Tile, as_tensor, blocks, silent, symmetric_tiles
from runner.cluster.single_linkage import SpanningTree, cut, leaf_order, minimum_spanning_forest, prim

ROUNDING = 2e-6
"""Bound on the error of a float32 product of two rows, relative to their squared norms; pairs this close
to the limit are kept and decided in float64."""

PROBES = 4096
"""Rows that look for other components in one round, when the neighbour graph falls apart."""


def mutual_reachability_tree(
    vectors: np.ndarray, neighbors: Neighbors, min_samples: int, device: str = "cpu", progress: Progress = silent
) -> SpanningTree:
    """Exact minimum spanning tree of the mutual-reachability graph.

    Args:
        vectors: float32, shape (n, d).
        neighbors: the exact neighbour graph of ``vectors`` with at least ``min_samples`` neighbours.
        min_samples: which neighbour defines the core distance; the row itself does not count,
            as in ``hdbscan.HDBSCAN``.
        device: torch device of the products.
        progress: told the share of the work done.
    """
    core = np.ascontiguousarray(neighbors.core_distances(min_samples))
    tree = _connected(vectors, core, neighborhood_forest(neighbors, min_samples), device)
    norms = squared_norms(vectors)
    search = _TreeOrder(tree, core, norms, device)
    pending: list[np.ndarray] = []
    for tile in symmetric_tiles(vectors, device, progress):
        pending.append(search.improving_pairs(tile))
        if sum(map(len, pending)) > len(vectors):
            tree = _improved(tree, np.concatenate(pending), vectors, core)
            search, pending = _TreeOrder(tree, core, norms, device), []
    return _improved(tree, np.concatenate(pending), vectors, core) if pending else tree


def neighborhood_forest(neighbors: Neighbors, min_samples: int) -> SpanningTree:
    """Minimum spanning forest of the neighbour graph alone, under mutual reachability."""
    core = np.ascontiguousarray(neighbors.core_distances(min_samples))
    edges, lengths = _graph_edges(neighbors)
    weights = np.maximum(lengths, np.maximum(core[edges[:, 0]], core[edges[:, 1]]))
    return minimum_spanning_forest(edges, weights, len(core))


def reweighted_tree(vectors: np.ndarray, neighbors: Neighbors, tree: SpanningTree, min_samples: int) -> SpanningTree:
    """The exact tree for the same or a smaller ``min_samples`` (CORE-SG), with ties as ``hdbscan`` has them.

    Many edges of mutual reachability weigh exactly the same, namely one row's core distance, so that there are
    many minimum spanning trees, and which one is taken changes clusters noticeably. Every edge of such a tie
    joins neighbours, hence Prim's algorithm from row 0 on the neighbour graph and any one minimum spanning tree
    meets the same ties as on the full graph, and yields the tree of ``hdbscan.HDBSCAN(algorithm="prims_kdtree")``.

    Args:
        vectors: float32, shape (n, d).
        neighbors: the exact neighbour graph.
        tree: an exact tree for a ``min_samples`` that is at least this one and at most ``neighbors.k``.
        min_samples: which neighbour defines the core distance.
    """
    graph, lengths = _graph_edges(neighbors)
    edges = np.concatenate([graph, tree.edges])
    lengths = np.concatenate([lengths, edge_lengths(np.asarray(vectors), tree.edges)])
    return prim(edges, lengths, np.ascontiguousarray(neighbors.core_distances(min_samples)))


def _graph_edges(neighbors: Neighbors) -> tuple[np.ndarray, np.ndarray]:
    n, k = neighbors.indices.shape
    heads = np.repeat(np.arange(n, dtype=np.int32), k)
    return np.stack([heads, neighbors.indices.ravel()], axis=1), neighbors.distances.ravel()


@numba.njit(parallel=True, cache=True)
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
    """A spanning tree laid out so that the largest edge between any two rows is a range maximum."""

    def __init__(self, tree: SpanningTree, core: np.ndarray, norms: np.ndarray, device: str) -> None:
        self.order, self.gaps = leaf_order(tree, len(core))
        self.places = np.empty_like(self.order)
        self.places[self.order] = np.arange(len(self.order))
        self.core, self.norms, self.device = core, norms, device
        if device != "cpu":
            self.maxima = _range_maxima(self.gaps, device)

    def improving_pairs(self, tile: Tile) -> np.ndarray:
        """Pairs of the tile that may improve the tree: int32, shape (m, 2)."""
        found = self._on_cpu(tile) if self.device == "cpu" else self._on_accelerator(tile)
        return (found + np.array([tile.rows.start, tile.columns.start])).astype(np.int32)

    def _on_cpu(self, tile: Tile) -> np.ndarray:
        rows, columns = tile.rows, tile.columns
        by_place = np.argsort(self.places[columns])
        column_places = self.places[columns][by_place]
        largest_gaps = np.zeros(len(by_place))
        largest_gaps[1:] = np.maximum.reduceat(self.gaps, column_places)[:-1]
        improves = _improving(
            tile.products.numpy(),
            (self.norms[rows], self.norms[columns]),
            (self.core[rows], self.core[columns]),
            self.places[rows],
            column_places,
            by_place,
            largest_gaps,
            self.gaps,
            tile.is_diagonal,
        )
        return np.argwhere(improves)

    def _on_accelerator(self, tile: Tile) -> np.ndarray:
        rows, columns = tile.rows, tile.columns
        norms, core, places = (
            torch.as_tensor(values, device=self.device, dtype=dtype)
            for values, dtype in ((self.norms, torch.float32), (self.core, torch.float32), (self.places, torch.int64))
        )
        first = torch.minimum(places[rows, None], places[None, columns])
        last = torch.maximum(places[rows, None], places[None, columns])
        span = torch.clamp(last - first, min=1)
        level = torch.floor(torch.log2(span.float())).long()
        level -= ((1 << level) > span).long()
        limit = torch.maximum(self.maxima[level, first], self.maxima[level, last - (1 << level)])
        scale = norms[rows, None] + norms[None, columns]
        squared = scale * (1 - ROUNDING) - 2 * tile.products
        cores = torch.maximum(core[rows, None], core[None, columns]) * (1 - 1e-6)
        improves = (squared < limit * limit * (1 + 1e-6)) & (cores < limit)
        if tile.is_diagonal:
            improves = torch.triu(improves, diagonal=1)
        return torch.nonzero(improves).cpu().numpy()


def _range_maxima(values: np.ndarray, device: str) -> torch.Tensor:
    """Sparse table: ``table[level, i]`` is the maximum of ``values[i : i + 2**level]``."""
    levels = [torch.as_tensor(values, device=device, dtype=torch.float32)]
    while 2 ** len(levels) <= len(values):
        half = 2 ** (len(levels) - 1)
        shifted = torch.cat([levels[-1][half:], levels[-1][-1:].expand(half)])
        levels.append(torch.maximum(levels[-1], shifted))
    return torch.stack(levels)


@numba.njit(inline="always")
def _may_improve(product, row_norm, column_norm, row_core, column_core, limit):  # type: ignore[no-untyped-def]
    scale = row_norm + column_norm
    return row_core < limit and column_core < limit and scale - ROUNDING * scale - 2 * product < limit * limit


@numba.njit(parallel=True, cache=True)
def _improving(products, norms, cores, row_places, column_places, by_place, largest_gaps, gaps, diagonal):  # type: ignore[no-untyped-def]
    row_norms, column_norms = norms
    row_cores, column_cores = cores
    height, width = products.shape
    improves = np.zeros((height, width), dtype=np.bool_)
    for i in numba.prange(height):
        place = row_places[i]
        middle = np.searchsorted(column_places, place)
        limit = 0.0
        for t in range(middle, width):  # columns behind this row in the tree's order
            if t > middle:
                limit = max(limit, largest_gaps[t])
            else:
                for gap in range(place, column_places[t]):
                    limit = max(limit, gaps[gap])
            j = by_place[t]
            if (not diagonal or j > i) and _may_improve(
                products[i, j], row_norms[i], column_norms[j], row_cores[i], column_cores[j], limit
            ):
                improves[i, j] = True
        limit = 0.0
        for t in range(middle - 1, -1, -1):  # and those before it
            if t < middle - 1:
                limit = max(limit, largest_gaps[t + 1])
            else:
                for gap in range(column_places[t], place):
                    limit = max(limit, gaps[gap])
            j = by_place[t]
            if (not diagonal or j > i) and _may_improve(
                products[i, j], row_norms[i], column_norms[j], row_cores[i], column_cores[j], limit
            ):
                improves[i, j] = True
    return improves


def _connected(vectors: np.ndarray, core: np.ndarray, forest: SpanningTree, device: str) -> SpanningTree:
    """Join the trees of a forest by good, though not yet the best, edges.

    In each round a few central rows of every component look for the nearest row outside of it, and the
    components that find each other merge.
    """
    n = len(core)
    whole = as_tensor(vectors, device)
    norms = as_tensor(squared_norms(vectors), device)
    center = np.asarray(vectors).mean(axis=0, dtype=np.float64).astype(np.float32)
    eccentricity = np.maximum(np.linalg.norm(np.asarray(vectors) - center, axis=1), core)
    while len(forest.weights) < n - 1:
        components = _component_labels(forest, n)
        probes = _central_rows(components, eccentricity)
        pairs = [
            _nearest_outside(whole, norms, as_tensor(core, device).float(), components, probes[block], device)
            for block in blocks(len(probes), 512)
        ]
        forest = _improved(forest, np.concatenate(pairs), vectors, core)
    return forest


def _component_labels(forest: SpanningTree, n: int) -> np.ndarray:
    padding = np.full(n - 1 - len(forest.weights), np.inf)  # self-loops stand for the missing edges
    edges = np.concatenate([forest.edges, np.zeros((len(padding), 2), dtype=np.int32)])
    return cut(SpanningTree(edges, np.concatenate([forest.weights, padding])), np.finfo(np.float64).max)


def _central_rows(components: np.ndarray, eccentricity: np.ndarray) -> np.ndarray:
    """The most central rows of every component but the largest, which the others will find."""
    sizes = np.bincount(components)
    each = max(1, PROBES // len(sizes))
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
    squared = norms[rows, None] + norms[None, :] - 2 * (whole[rows] @ whole.T)
    reach = torch.maximum(squared, (core * core)[None, :])
    reach.masked_fill_(labels[rows, None] == labels[None, :], torch.inf)
    return np.stack([probes, reach.argmin(dim=1).cpu().numpy()], axis=1).astype(np.int32)
