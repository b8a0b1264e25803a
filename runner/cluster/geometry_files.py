"""The files of a geometry: how they are written and read, and what they must hold to be believed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from runner.cluster.graph.neighbors import Neighbors, exact_distances
from runner.cluster.graph.single_linkage import SpanningTree, minimum_spanning_forest
from runner.utils import atomic
from runner.utils.checked_files import UNREADABLE, give_checksum, is_sound, remove_checked, replaced_with_checksum
from runner.utils.drives import link_or_copy

MARKER = "geometry.json"
IMAGE_PATHS = "image_paths.json"
VECTORS = "vectors.npy"
INDICES = "neighbor_indices.npy"
DISTANCES = "neighbor_distances.npy"
TREE = "tree.npz"

_CHECKED_SUFFIXES = (".json", ".npy", ".npz")
_TOLERANCE = 1e-5
"""Share by which a distance computed here and now may differ from one computed on another machine."""


def load_array(path: Path) -> np.ndarray:
    """An array, memory-mapped and read-only."""
    return np.load(path, mmap_mode="r", allow_pickle=False)


def save_array(path: Path, array: np.ndarray) -> None:
    with replaced_with_checksum(path) as temporary:
        atomic.save_array(temporary, array)


def load_neighbors(directory: Path) -> Neighbors:
    return Neighbors(load_array(directory / INDICES), load_array(directory / DISTANCES))


def save_neighbors(directory: Path, neighbors: Neighbors) -> None:
    save_array(directory / INDICES, neighbors.indices)
    save_array(directory / DISTANCES, neighbors.distances)


def load_tree(path: Path) -> SpanningTree:
    with np.load(path, allow_pickle=False) as arrays:
        return SpanningTree(arrays["edges"], arrays["weights"])


def save_tree(path: Path, tree: SpanningTree) -> None:
    with replaced_with_checksum(path) as temporary:
        np.savez(temporary, edges=tree.edges, weights=tree.weights)


def link_vectors(source: Path, directory: Path) -> None:
    """Let the geometry in ``directory`` have the vectors of ``source``, without a copy where the drive has links."""
    target = directory / VECTORS
    remove_checked(target)
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without hard links
        with atomic.replaced_atomically(target) as temporary:
            link_or_copy(source.resolve(), temporary)
    give_checksum(target)


def has_vectors(directory: Path) -> bool:
    return (directory / VECTORS).exists()


def has_graph(directory: Path) -> bool:
    """Whether neighbours and tree are there."""
    return all((directory / name).exists() for name in (INDICES, DISTANCES, TREE))


def discard_damaged(directory: Path) -> None:
    """Delete what is not as it was written, once a call and before anything relies on it.

    Files of an earlier version, which have no checksum, are looked at and given one: see ``is_sound``.
    """
    for path in sorted(directory.iterdir()) if directory.is_dir() else ():
        if path.suffix in _CHECKED_SUFFIXES and not path.name.startswith("."):
            is_sound(path, is_valid)


def is_valid(path: Path) -> bool:
    """Whether a file of a geometry can be right, by all that its kind and its neighbours in the folder tell."""
    try:
        if path.suffix == ".json":
            return _is_valid_document(path.name, json.loads(path.read_bytes()))
        if path.suffix == ".npz":
            return _is_valid_tree(load_tree(path), load_array(path.parent / VECTORS))
        return _is_whole(path) and _is_valid_array(path)
    except UNREADABLE:
        return False


def _is_valid_document(name: str, document: Any) -> bool:
    if name == MARKER:
        known = {"space": str, "n": int, "k": int, "recall": float | None}
        return all(isinstance(document.get(key), kind) for key, kind in known.items())
    if name == IMAGE_PATHS:
        return all(isinstance(path, str) for path in document)
    return isinstance(document, float) and -1 <= document <= 1  # a silhouette


def _is_whole(path: Path) -> bool:
    """Whether a ``.npy`` file has just the bytes that its header announces, all of them finite numbers."""
    array = load_array(path)
    assert isinstance(array, np.memmap)
    is_numeric = array.dtype.kind in "iuf"
    return is_numeric and array.offset + array.nbytes == path.stat().st_size and bool(np.isfinite(array).all())


def _is_valid_array(path: Path) -> bool:
    from scipy.cluster.hierarchy import is_valid_linkage

    array = load_array(path)
    if path.name == VECTORS:
        return array.dtype == np.float32 and array.ndim == 2
    if path.name == INDICES:
        rows = np.arange(len(array))[:, None]
        return array.dtype == np.int32 and bool(((array >= 0) & (array < len(array)) & (array != rows)).all())
    if path.name == DISTANCES:
        expected = exact_distances(load_array(path.parent / VECTORS), load_array(path.parent / INDICES))
        return np.allclose(array, expected, rtol=_TOLERANCE) and bool((np.diff(array, axis=1) >= 0).all())
    if path.name.startswith("merges-"):
        return is_valid_linkage(array) and bool((np.diff(array[:, 2]) >= 0).all())
    if path.name.startswith("agglomerative-"):
        return is_valid_linkage(array[:-1])
    return True


def _is_valid_tree(tree: SpanningTree, vectors: np.ndarray) -> bool:
    """Whether the edges join all rows, in order, none of them shorter than the distance between its ends."""
    n = len(vectors)
    if tree.edges.shape != (n - 1, 2) or tree.weights.shape != (n - 1,):
        return False
    if not np.isfinite(tree.weights).all() or (np.diff(tree.weights) < 0).any():
        return False
    if tree.edges.min() < 0 or tree.edges.max() >= n:
        return False
    lengths = np.concatenate(
        [
            np.linalg.norm(vectors[some[:, 0]].astype(np.float64) - vectors[some[:, 1]], axis=1)
            for some in np.array_split(tree.edges, 1 + n // 8192)
        ]
    )
    is_long_enough = tree.weights >= lengths * (1 - _TOLERANCE) - 1e-12
    return bool(is_long_enough.all()) and minimum_spanning_forest(tree.edges, tree.weights, n).n == n
