"""Neighbour graph and spanning tree of sets for which n × n distances are out of reach, in two stages.

1. The rows are divided into shards of near ones. Each row looks for its neighbours in its own shard and in those that
   are nearest to it besides, which gives each shard's part of the graph, and its clusters.
2. What the shards have cut is merged: the most isolated rows, the outliers of their shards, look again among all rows,
   and several representatives of every cluster look for the nearest row outside of it, until one tree joins all.

Equal rows are one throughout, so that they never get different neighbours. Every algorithm that works on graph and tree
then works as ever, approximately. How many true neighbours were found is
measured on a sample.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from runner.cluster.copies import spread_neighbors, spread_tree
from runner.cluster.distinct_rows import distinct_rows
from runner.cluster.graph.neighbors import EXTRA_CANDIDATES, Neighbors, exact_distances, squared_norms
from runner.cluster.graph.single_linkage import SpanningTree
from runner.cluster.graph.spanning_tree import connected_by_representatives, neighborhood_forest
from runner.cluster.kmeans.lloyd import kmeans
from runner.cluster.kmeans.seeding import seed_centers
from runner.cluster.tiles import Progress, as_tensor, blocks, multiply, silent

SHARD = 2000
"""Rows of a shard, on average."""

PROBES = 16
"""Shards that a row looks into, its own included."""

OUTLIERS = 0.01
"""Share of the rows, those farthest from their neighbours, that look again among all."""

REPRESENTATIVES = 4096
"""Rows that look for the nearest of other clusters in one round, in all."""

_ROWS_PER_CENTER = 40
_MEASURED = 200
_BLOCK = 1024
_COLUMNS = 16_384


@dataclass(frozen=True)
class TwoStageGeometry:
    """What approximates the exact graph and tree.

    Attributes:
        neighbors: near rows of each row, nearest first; a true neighbour may be missing.
        tree: a spanning tree of mutual reachability at ``neighbors.k``, not always a minimum one.
        recall: share of the true neighbours that ``neighbors`` has, measured on a sample of rows.
    """

    neighbors: Neighbors
    tree: SpanningTree
    recall: float


def two_stage_geometry(
    vectors: np.ndarray,
    k: int,
    seed: int,
    device: str = "cpu",
    progress: Progress = silent,
    *,
    shard: int = SHARD,
    probes: int = PROBES,
) -> TwoStageGeometry:
    """Graph and tree in time and memory proportional to n.

    Args:
        vectors: float32, shape (n, d).
        k: neighbours per row, 1 ≤ k < n.
        seed: of the shards and of the sample that the recall is measured on.
        device: torch device of the products.
        progress: told the share of the work done.
        shard: rows of a shard, on average; at least k + 1.
        probes: shards that a row looks into.
    """
    distinct = distinct_rows(vectors)
    vectors = distinct.of(np.asarray(vectors))
    found, recall = _near_rows(vectors, min(k, len(vectors) - 1), seed, device, progress, shard, probes)
    neighbors = Neighbors(*spread_neighbors(found.indices, found.distances, distinct, k))
    core = distinct.of(np.ascontiguousarray(neighbors.core_distances(k)))
    forest = neighborhood_forest(neighbors, k, distinct)
    tree = connected_by_representatives(vectors, core, forest, device, REPRESENTATIVES)
    progress(1.0)
    return TwoStageGeometry(neighbors, spread_tree(tree, core, distinct), recall)


def _near_rows(
    vectors: np.ndarray, k: int, seed: int, device: str, progress: Progress, shard: int, probes: int
) -> tuple[Neighbors, float]:
    """Near rows of each of some different rows, and their recall; k may be 0."""
    if not k:
        return Neighbors(np.empty((len(vectors), 0), np.int32), np.empty((len(vectors), 0))), 1.0
    search = _Search(vectors, k, device)
    nearest = nearest_shards(vectors, max(1, round(len(vectors) / shard)), probes, seed, device)
    for number in range(nearest.max() + 1):
        search.look(np.flatnonzero((nearest == number).any(axis=1)), np.flatnonzero(nearest[:, 0] == number))
        progress(0.8 * (number + 1) / (nearest.max() + 1))
    n_outliers = max(1, round(OUTLIERS * len(vectors)))
    farthest = np.argsort(-search.radius(), kind="stable")[:n_outliers]
    search.look_among_all(np.union1d(farthest, search.incomplete()))
    progress(0.9)
    neighbors = search.neighbors()
    return neighbors, _recall(vectors, neighbors, seed, device)


def nearest_shards(vectors: np.ndarray, count: int, probes: int, seed: int, device: str) -> np.ndarray:
    """The shards nearest to each row, its own first: int64, shape (n, min(probes, count)).

    They are the cells of a k-means of a sample, so that near rows are seldom far apart.
    """
    sample = np.random.default_rng(seed).permutation(len(vectors))[: count * _ROWS_PER_CENTER]
    rows = np.ascontiguousarray(np.asarray(vectors)[np.sort(sample)])
    centers = kmeans(rows, rows[seed_centers(rows, count, seed, device)], max_iter=10).centers.astype(np.float32)
    whole, targets = as_tensor(vectors, device), as_tensor(centers, device)
    half_norms = as_tensor(squared_norms(centers) / 2, device)
    near = [
        torch.topk(multiply(whole[block], targets) - half_norms, min(probes, len(centers)), dim=1).indices.cpu().numpy()
        for block in blocks(len(vectors), _BLOCK)
    ]
    return np.concatenate(near)


class _Search:
    """The nearest rows that were found so far."""

    def __init__(self, vectors: np.ndarray, k: int, device: str) -> None:
        self._vectors, self._k, self._device = np.asarray(vectors), k, device
        self._whole = as_tensor(vectors, device)
        self._norms = as_tensor(squared_norms(self._vectors), device)
        self._kept = min(k + EXTRA_CANDIDATES, len(vectors) - 1)
        self._found = np.zeros((len(vectors), self._kept), dtype=np.int32)
        self._squared = np.full((len(vectors), self._kept), np.inf, dtype=np.float32)

    def look(self, rows: np.ndarray, among: np.ndarray) -> None:
        """Take ``among``, where ``rows`` have not looked before, into account."""
        candidates = torch.as_tensor(among, device=self._device)
        there, norms = self._whole[candidates], self._norms[candidates]
        for block in blocks(len(rows), _BLOCK):
            here = torch.as_tensor(rows[block], device=self._device)
            squared = self._norms[here, None] + norms - 2 * multiply(self._whole[here], there)
            squared.masked_fill_(here[:, None] == candidates, torch.inf)
            nearest, places = torch.topk(squared, min(self._kept, len(among)), dim=1, largest=False)
            self._merge(rows[block], candidates[places].cpu().numpy(), nearest.cpu().numpy())

    def look_among_all(self, rows: np.ndarray) -> None:
        """Search anew for ``rows``, this time everywhere."""
        self._squared[rows] = np.inf
        for block in blocks(len(self._vectors), _COLUMNS):
            self.look(rows, np.arange(block.start, block.stop))

    def incomplete(self) -> np.ndarray:
        """Rows that have too few neighbours yet."""
        return np.flatnonzero(np.isinf(self._squared[:, -1]))

    def _merge(self, rows: np.ndarray, found: np.ndarray, squared: np.ndarray) -> None:
        found = np.concatenate([self._found[rows], found], axis=1)
        squared = np.concatenate([self._squared[rows], squared], axis=1)
        order = np.argsort(squared, axis=1, kind="stable")[:, : self._kept]
        self._found[rows] = np.take_along_axis(found, order, 1)
        self._squared[rows] = np.take_along_axis(squared, order, 1)

    def radius(self) -> np.ndarray:
        """About the squared distance to the farthest neighbour of each row, float32, shape (n,)."""
        return self._squared[:, self._k - 1]

    def radius_of(self, rows: np.ndarray) -> np.ndarray:
        """The exact distance to the farthest neighbour of some rows, float64, shape (len(rows),)."""
        there = self._vectors[self._found[rows]].astype(np.float64)
        distances = np.linalg.norm(there - self._vectors[rows][:, None], axis=2)
        return np.partition(distances, self._k - 1, axis=1)[:, self._k - 1]

    def neighbors(self) -> Neighbors:
        """What was found, with exact distances."""
        distances = exact_distances(self._vectors, self._found)
        order = np.lexsort((self._found, distances), axis=1)[:, : self._k]
        return Neighbors(np.take_along_axis(self._found, order, 1), np.take_along_axis(distances, order, 1))


def _recall(vectors: np.ndarray, neighbors: Neighbors, seed: int, device: str) -> float:
    """Share of the true neighbours of a sample of rows that ``neighbors`` has."""
    rows = np.random.default_rng([seed, 1]).permutation(len(vectors))[:_MEASURED]
    search = _Search(vectors, neighbors.k, device)
    search.look_among_all(rows)
    true_radius = search.radius_of(rows)
    return float((neighbors.distances[rows] <= true_radius[:, None] * (1 + 1e-9)).mean())
