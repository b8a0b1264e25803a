"""The geometry of one space of one embedding, kept in a folder so that every process maps the same arrays.

    vectors.npy                  float32 (n, d); unit length in space ``none``
    neighbor_indices.npy         int32 (n, k)
    neighbor_distances.npy       float64 (n, k), Euclidean
    tree.npz                     the spanning tree at the largest min_samples
    tree-<min_samples>.npz       further trees, derived on first use
    image_paths.json             the image files, where an algorithm looks at them
    <name>.npy                   what algorithms prepare once for all their settings
    geometry.json                written last: the folder is complete

All of it can be thrown away; it is computed again from the embedding.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from filelock import FileLock

from runner.atomic import replaced_atomically, save_array, write_atomically
from runner.cluster.neighbors import Neighbors, nearest_neighbors
from runner.cluster.products import Progress, silent
from runner.cluster.single_linkage import SpanningTree, dendrogram
from runner.cluster.spaces import Space, SpaceKind, project
from runner.cluster.spanning_tree import mutual_reachability_tree, reweighted_tree
from runner.cluster.two_stage import two_stage_geometry

SCORED_NEIGHBORS = 30
"""Neighbours that scores need at least, where there are that many other rows."""

_MARKER = "geometry.json"
_IMAGE_PATHS = "image_paths.json"


@dataclass(frozen=True)
class Geometry:
    """Handle on the folder; arrays are memory-mapped when they are first asked for."""

    directory: Path
    space: Space
    recall: float | None = None
    """Share of the true neighbours that the graph has, on a sample; None where graph and tree are exact."""

    @cached_property
    def vectors(self) -> np.ndarray:
        """float32, shape (n, d), read-only."""
        return np.load(self.directory / "vectors.npy", mmap_mode="r")

    @property
    def n(self) -> int:
        return len(self.vectors)

    @cached_property
    def neighbors(self) -> Neighbors:
        return Neighbors(
            np.load(self.directory / "neighbor_indices.npy", mmap_mode="r"),
            np.load(self.directory / "neighbor_distances.npy", mmap_mode="r"),
        )

    @property
    def has_graph(self) -> bool:
        """Whether neighbours and tree were wanted in this space."""
        return (self.directory / "neighbor_indices.npy").exists()

    @cached_property
    def image_paths(self) -> list[Path]:
        """The file of each image; FileNotFoundError where no algorithm was to look at them."""
        return [Path(path) for path in json.loads((self.directory / _IMAGE_PATHS).read_text())]

    def set_image_paths(self, paths: Sequence[Path]) -> None:
        """Say which files the rows belong to."""
        content = json.dumps([os.fspath(path) for path in paths]).encode()
        write_atomically(self.directory / _IMAGE_PATHS, content)

    @property
    def metric(self) -> str:
        """``cosine`` or ``euclidean``: how distances given by a user are meant."""
        return self.space.metric

    def euclidean(self, distance: float) -> float:
        """The Euclidean distance that a distance in this space's metric stands for: |x - y|² = 2 (1 - cos)."""
        return float(np.sqrt(2 * distance)) if self.metric == "cosine" else distance

    def tree(self, min_samples: int) -> SpanningTree:
        """The spanning tree of mutual reachability; derived from the largest one on first use."""
        path = self.directory / f"tree-{min_samples}.npz"
        if not path.exists():
            tree = reweighted_tree(self.vectors, self.neighbors, _load_tree(self.directory / "tree.npz"), min_samples)
            _save_tree(path, tree)
        return _load_tree(path)

    def merges(self, min_samples: int) -> np.ndarray:
        """The dendrogram of ``tree(min_samples)`` in scipy's format, float64, shape (n-1, 4)."""
        return self.prepared(f"merges-{min_samples}", lambda: dendrogram(self.tree(min_samples)))

    def prepared(self, name: str, compute: Callable[[], np.ndarray]) -> np.ndarray:
        """An array that several settings share: loaded if it is there, else computed and kept; where another process is
        about to compute it, that one is waited for."""
        if not self.is_prepared(name):
            with FileLock(self._prepared_path(name).with_suffix(".lock")):
                if not self.is_prepared(name):
                    _save_array(self._prepared_path(name), compute())
        return self.load_prepared(name)

    def is_prepared(self, name: str) -> bool:
        return self._prepared_path(name).exists()

    def load_prepared(self, name: str) -> np.ndarray:
        """The prepared array of that name, read-only; FileNotFoundError if there is none."""
        return np.load(self._prepared_path(name), mmap_mode="r", allow_pickle=False)

    def discard(self, name: str) -> None:
        """Forget a prepared array; who has it mapped keeps it."""
        self._prepared_path(name).unlink(missing_ok=True)

    def _prepared_path(self, name: str) -> Path:
        return self.directory / f"{name}.npy"


def open_geometry(directory: Path) -> Geometry:
    """The finished geometry in ``directory``; FileNotFoundError if there is none."""
    facts = json.loads((directory / _MARKER).read_text())
    return Geometry(directory, Space.parse(facts["space"]), facts.get("recall"))


def build_geometry(
    directory: Path,
    space: Space,
    unit_vectors_path: Path,
    *,
    base: Geometry | None,
    min_samples: int,
    seed: int,
    device: str = "cpu",
    exact_up_to: int | None = None,
    progress: Progress = silent,
) -> Geometry:
    """Compute, or find finished, the geometry of one space.

    Args:
        directory: where it is kept; the name must change with the vectors and the seed.
        space: the space.
        unit_vectors_path: ``.npy``, float32, shape (n, d), n ≥ 2.
        base: the finished geometry of space ``none``; needed for any other space.
        min_samples: the largest value that any trial asks for, capped at n-1; 0 where nothing in this space needs
            a graph or a tree, and the vectors are enough.
        seed: of UMAP.
        device: torch device of the products.
        exact_up_to: with more vectors than that, graph and tree are approximate; None for never.
        progress: told the share of the work done.
    """
    n = len(np.load(unit_vectors_path, mmap_mode="r"))
    k = min(max(min_samples, SCORED_NEIGHBORS), n - 1) if min_samples else 0
    exact = exact_up_to is None or n <= exact_up_to
    if _is_complete(directory, space, k, exact):
        return open_geometry(directory)
    if exact and _is_approximate(directory):
        shutil.rmtree(directory)  # with all that was derived from it
    directory.mkdir(parents=True, exist_ok=True)
    for derived in directory.glob("tree*.npz"):  # of an earlier build with fewer neighbours
        derived.unlink()
    geometry = Geometry(directory, space)
    vectors_path = directory / "vectors.npy"
    if space.kind is SpaceKind.NONE:
        vectors_path.unlink(missing_ok=True)
        _link(unit_vectors_path, vectors_path)
    elif not vectors_path.exists():
        assert base is not None
        _save_array(vectors_path, project(space, base.vectors, base.neighbors, seed))
    recall = None if exact or base is None else base.recall
    if k and exact:
        _build_graph(geometry, k, device, progress)
    elif k:
        recall = _build_graph_in_two_stages(geometry, k, seed, device, progress)
    facts = json.dumps({"space": _name(space), "n": n, "k": k, "recall": recall})
    write_atomically(directory / _MARKER, facts.encode())
    return Geometry(directory, space, recall)


def _build_graph(geometry: Geometry, k: int, device: str, progress: Progress) -> None:
    neighbors = nearest_neighbors(geometry.vectors, k, device, lambda share: progress(share / 2))
    _save_neighbors(geometry.directory, neighbors)
    tree = mutual_reachability_tree(geometry.vectors, neighbors, k, device, lambda share: progress(0.5 + share / 2))
    _save_tree(geometry.directory / "tree.npz", tree)


def _build_graph_in_two_stages(geometry: Geometry, k: int, seed: int, device: str, progress: Progress) -> float:
    """The same, approximately; the neighbours' recall."""
    built = two_stage_geometry(geometry.vectors, k, seed, device, progress)
    _save_neighbors(geometry.directory, built.neighbors)
    _save_tree(geometry.directory / "tree.npz", built.tree)
    return built.recall


def _save_neighbors(directory: Path, neighbors: Neighbors) -> None:
    _save_array(directory / "neighbor_indices.npy", neighbors.indices)
    _save_array(directory / "neighbor_distances.npy", neighbors.distances)


def _save_array(path: Path, array: np.ndarray) -> None:
    with replaced_atomically(path) as temporary:
        save_array(temporary, array)


def _name(space: Space) -> str:
    return space.kind.value if space.dimension is None else f"{space.kind.value}:{space.dimension}"


def _is_complete(directory: Path, space: Space, k: int, exact: bool) -> bool:
    marker = directory / _MARKER
    if not marker.exists():
        return False
    facts = json.loads(marker.read_text())
    return facts["space"] == _name(space) and facts["k"] >= k and not (exact and _is_approximate(directory))


def _is_approximate(directory: Path) -> bool:
    marker = directory / _MARKER
    return marker.exists() and json.loads(marker.read_text()).get("recall") is not None


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without hard links
        target.symlink_to(source.resolve())


def _save_tree(path: Path, tree: SpanningTree) -> None:
    with replaced_atomically(path) as temporary:
        np.savez(temporary, edges=tree.edges, weights=tree.weights)


def _load_tree(path: Path) -> SpanningTree:
    with np.load(path, allow_pickle=False) as arrays:
        return SpanningTree(arrays["edges"], arrays["weights"])
