"""Flat clusterings cut from the shared geometry: HDBSCAN, DBSCAN and cosine thresholds."""

from __future__ import annotations

from typing import Literal

import numpy as np

from runner.cluster.graph.condensed_tree import condense, labels_of, merge_below, select_excess_of_mass, select_leaves
from runner.cluster.graph.neighbors import Neighbors
from runner.cluster.graph.single_linkage import SpanningTree, cut
from runner.cluster.trial import NOISE
from runner.utils.compiled import compiled

LARGEST_MEASURED_GROUP = 2000
"""Members up to which a group's lowest similarity is measured; beyond it costs as much as the graph itself."""


def hdbscan_labels(
    merges: np.ndarray,
    min_cluster_size: int,
    cluster_selection_epsilon: float = 0.0,
    cluster_selection_method: Literal["eom", "leaf"] = "eom",
) -> np.ndarray:
    """Labels of ``hdbscan.HDBSCAN``, from the dendrogram of mutual reachability at its ``min_samples``.

    Args:
        merges: scipy's linkage format, float64, shape (n-1, 4).
        min_cluster_size: at least 2.
        cluster_selection_epsilon: clusters born below this distance are merged.
        cluster_selection_method: excess of mass or leaves.

    Returns:
        int32, shape (n,); largest cluster first, -1 is noise.
    """
    tree = condense(merges, min_cluster_size)
    selected = select_excess_of_mass(tree) if cluster_selection_method == "eom" else select_leaves(tree)
    if cluster_selection_epsilon > 0:
        selected = merge_below(tree, selected, cluster_selection_epsilon)
    return relabel_by_size(labels_of(tree, selected))


def dbscan_labels(tree: SpanningTree, neighbors: Neighbors, eps: float, min_samples: int) -> np.ndarray:
    """Labels of ``sklearn.cluster.DBSCAN``, from the tree of mutual reachability.

    Core points are the rows with ``min_samples`` rows within ``eps``, themselves included; the clusters are the
    tree's components at ``eps``. A border point joins its nearest core point (scikit-learn: the first found).

    Args:
        tree: the tree at ``max(min_samples - 1, 1)``, as hdbscan does not count the row itself.
        neighbors: the exact neighbour graph with at least that many neighbours.
        eps: Euclidean distance.
        min_samples: at least 1.

    Returns:
        int32, shape (n,); largest cluster first, -1 is noise.
    """
    components = cut(tree, eps)
    if min_samples <= 1:
        return relabel_by_size(components)
    is_core = neighbors.core_distances(min_samples - 1) <= eps
    return relabel_by_size(_with_border_points(components, is_core, neighbors.indices, neighbors.distances, eps))


def threshold_labels(tree: SpanningTree, distance: float) -> np.ndarray:
    """Single linkage: rows joined by a chain of steps of at most ``distance``; rows without a mate are noise.

    Args:
        tree: the tree at ``min_samples`` 1, i.e. of plain distances.
        distance: Euclidean.
    """
    components = cut(tree, distance)
    sizes = np.bincount(components)
    return relabel_by_size(np.where(sizes[components] > 1, components, NOISE))


def relabel_by_size(labels: np.ndarray) -> np.ndarray:
    """Renumber clusters 0, 1, … from the largest to the smallest, equal ones by their first row.

    Args:
        labels: int, shape (n,); anything negative is noise.

    Returns:
        int32, shape (n,); noise is -1.
    """
    labels = np.asarray(labels)
    members = labels >= 0
    names, first, inverse, sizes = np.unique(
        labels[members], return_index=True, return_inverse=True, return_counts=True
    )
    place = np.empty(len(names), dtype=np.int32)
    place[np.lexsort((first, -sizes))] = np.arange(len(names), dtype=np.int32)
    compacted = np.full(len(labels), NOISE, dtype=np.int32)
    compacted[members] = place[inverse]
    return compacted


@compiled()
def _with_border_points(components, is_core, indices, distances, eps):  # type: ignore[no-untyped-def]
    labels = np.full(len(components), NOISE, dtype=np.int64)
    for row in range(len(components)):
        if is_core[row]:
            labels[row] = components[row]
            continue
        # fewer than min_samples rows lie within eps, so that all of them are in the neighbour list
        for slot in range(indices.shape[1]):
            if distances[row, slot] > eps:
                break
            if is_core[indices[row, slot]]:
                labels[row] = components[indices[row, slot]]
                break
    return labels


def lowest_inner_similarities(unit_vectors: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Lowest cosine similarity between two members of each cluster, since chains join what is not alike.

    Args:
        unit_vectors: float32, shape (n, d).
        labels: int32, shape (n,), largest cluster first.

    Returns:
        float64, shape (n_clusters,); NaN for clusters of more than ``LARGEST_MEASURED_GROUP`` members.
    """
    order = np.argsort(labels, kind="stable")[np.count_nonzero(labels < 0) :]
    ends = np.cumsum(np.bincount(labels[labels >= 0]))
    lowest = np.full(len(ends), np.nan)
    for cluster, rows in enumerate(np.split(order, ends[:-1]) if len(ends) else []):
        if len(rows) <= LARGEST_MEASURED_GROUP:
            members = unit_vectors[rows]
            lowest[cluster] = min(1.0, float((members @ members.T).min()))
    return lowest
