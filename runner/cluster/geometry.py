"""The geometry of one space of one embedding, kept in a folder so that every process maps the same arrays.

    vectors.npy                  float32 (n, d); unit length in space ``none``
    neighbor_indices.npy         int32 (n, k)
    neighbor_distances.npy       float64 (n, k), Euclidean
    tree.npz                     the spanning tree at the largest min_samples
    tree-<min_samples>.npz       further trees, derived on first use
    image_paths.json             the image files, where an algorithm looks at them
    <name>.npy                   what algorithms prepare once for all their settings
    geometry.json                written last: the folder is complete

Each has its checksum beside it, see ``runner.utils.checked_files``. All of it can be thrown away; it is computed again
from the embedding.
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

from runner.cluster.distinct_rows import DistinctRows, distinct_rows
from runner.cluster.geometry_files import (
    IMAGE_PATHS,
    INDICES,
    MARKER,
    TREE,
    VECTORS,
    discard_damaged,
    has_graph,
    has_vectors,
    link_vectors,
    load_array,
    load_neighbors,
    load_tree,
    save_array,
    save_neighbors,
    save_tree,
)
from runner.cluster.graph.approximate_neighbors import two_stage_geometry
from runner.cluster.graph.neighbors import Neighbors, nearest_neighbors
from runner.cluster.graph.single_linkage import SpanningTree, dendrogram
from runner.cluster.graph.spanning_tree import mutual_reachability_tree, reweighted_tree
from runner.cluster.spaces import Space, SpaceKind, project
from runner.cluster.tiles import Progress, silent
from runner.utils.checked_files import remove_checked, write_checked
from runner.utils.drives import locked_if_possible

SCORED_NEIGHBORS = 30
"""Neighbours that scores need at least, where there are that many other rows."""

REVISION = 3
"""Of what the folder's arrays hold; one of another revision is computed again."""


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
        return load_array(self.directory / VECTORS)

    @property
    def n(self) -> int:
        return len(self.vectors)

    @cached_property
    def distinct(self) -> DistinctRows:
        """The different vectors, which algorithms look at in place of all, so that equal ones get equal labels."""
        return distinct_rows(self.vectors)

    @property
    def depends_on_processor(self) -> bool:
        """Whether another kind of processor may give other vectors, and hence other labels."""
        return self.space.kind is SpaceKind.UMAP

    @cached_property
    def neighbors(self) -> Neighbors:
        return load_neighbors(self.directory)

    @property
    def has_graph(self) -> bool:
        """Whether neighbours and tree were wanted in this space."""
        return (self.directory / INDICES).exists()

    @cached_property
    def image_paths(self) -> list[Path]:
        """The file of each image; FileNotFoundError where no algorithm was to look at them."""
        return [Path(path) for path in json.loads((self.directory / IMAGE_PATHS).read_text())]

    def set_image_paths(self, paths: Sequence[Path]) -> None:
        """Say which files the rows belong to."""
        content = json.dumps([os.fspath(path) for path in paths]).encode()
        write_checked(self.directory / IMAGE_PATHS, content)

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
            largest = load_tree(self.directory / TREE)
            tree = reweighted_tree(self.vectors, self.neighbors, largest, min_samples, distinct=self.distinct)
            save_tree(path, tree)
        return load_tree(path)

    def merges(self, min_samples: int) -> np.ndarray:
        """The dendrogram of ``tree(min_samples)`` in scipy's format, float64, shape (n-1, 4)."""
        return self.prepared(f"merges-{min_samples}", lambda: dendrogram(self.tree(min_samples)))

    def prepared(self, name: str, compute: Callable[[], np.ndarray]) -> np.ndarray:
        """An array that several settings share: loaded if it is there, else computed and kept; where another process is
        about to compute it, that one is waited for."""
        if not self.is_prepared(name):
            with locked_if_possible(self._prepared_path(name).with_suffix(".lock")):
                if not self.is_prepared(name):
                    save_array(self._prepared_path(name), compute())
        return self.load_prepared(name)

    def is_prepared(self, name: str) -> bool:
        return self._prepared_path(name).exists()

    def load_prepared(self, name: str) -> np.ndarray:
        """The prepared array of that name, read-only; FileNotFoundError if there is none."""
        return load_array(self._prepared_path(name))

    def discard(self, name: str) -> None:
        """Forget a prepared array; who has it mapped keeps it."""
        remove_checked(self._prepared_path(name))

    def _prepared_path(self, name: str) -> Path:
        return self.directory / f"{name}.npy"


def open_geometry(directory: Path) -> Geometry:
    """The finished geometry in ``directory``; FileNotFoundError if there is none."""
    facts = json.loads((directory / MARKER).read_text())
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
    """Compute, or find finished and undamaged, the geometry of one space.

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
    n = len(load_array(unit_vectors_path))
    k = min(max(min_samples, SCORED_NEIGHBORS), n - 1) if min_samples else 0
    exact = exact_up_to is None or n <= exact_up_to
    discard_damaged(directory)
    is_complete = _is_complete(directory, space, k, exact)
    if is_complete and has_vectors(directory):
        return open_geometry(directory)
    if _is_of_another_revision(directory) or (exact and _is_approximate(directory)):
        shutil.rmtree(directory)  # with all that was derived from it
    directory.mkdir(parents=True, exist_ok=True)
    if space.kind is SpaceKind.NONE:
        link_vectors(unit_vectors_path, directory)
    elif not has_vectors(directory):
        assert base is not None
        save_array(directory / VECTORS, project(space, base.vectors, base.neighbors, seed))
    if is_complete:  # but for the vectors
        return open_geometry(directory)
    for derived in directory.glob("tree*.npz"):  # of an earlier build with fewer neighbours
        remove_checked(derived)
    geometry = Geometry(directory, space)
    recall = None if exact or base is None else base.recall
    if k and exact:
        _build_graph(geometry, k, device, progress)
    elif k:
        recall = _build_graph_in_two_stages(geometry, k, seed, device, progress)
    facts = json.dumps({"space": _name(space), "n": n, "k": k, "recall": recall, "revision": REVISION})
    write_checked(directory / MARKER, facts.encode())
    return Geometry(directory, space, recall)


def _build_graph(geometry: Geometry, k: int, device: str, progress: Progress) -> None:
    vectors, distinct = geometry.vectors, geometry.distinct
    neighbors = nearest_neighbors(vectors, k, device, lambda share: progress(share / 2), distinct=distinct)
    save_neighbors(geometry.directory, neighbors)
    tree = mutual_reachability_tree(
        vectors, neighbors, k, device, lambda share: progress(0.5 + share / 2), distinct=distinct
    )
    save_tree(geometry.directory / TREE, tree)


def _build_graph_in_two_stages(geometry: Geometry, k: int, seed: int, device: str, progress: Progress) -> float:
    """The same, approximately; the neighbours' recall."""
    built = two_stage_geometry(geometry.vectors, k, seed, device, progress)
    save_neighbors(geometry.directory, built.neighbors)
    save_tree(geometry.directory / TREE, built.tree)
    return built.recall


def _name(space: Space) -> str:
    return space.kind.value if space.dimension is None else f"{space.kind.value}:{space.dimension}"


def _is_complete(directory: Path, space: Space, k: int, exact: bool) -> bool:
    """Whether neighbours and tree are as they are wanted; vectors are put back without them."""
    marker = directory / MARKER
    if not marker.exists() or (k and not has_graph(directory)):
        return False
    if _is_of_another_revision(directory):
        return False
    facts = json.loads(marker.read_text())
    return facts["space"] == _name(space) and facts["k"] >= k and not (exact and _is_approximate(directory))


def _is_of_another_revision(directory: Path) -> bool:
    marker = directory / MARKER
    return marker.exists() and json.loads(marker.read_text()).get("revision", 1) != REVISION


def _is_approximate(directory: Path) -> bool:
    marker = directory / MARKER
    return marker.exists() and json.loads(marker.read_text()).get("recall") is not None
