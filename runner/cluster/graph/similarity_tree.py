"""The spanning tree of a similarity, at which every threshold is a cut."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runner.cluster.geometry import Geometry
from runner.cluster.graph.cuts import relabel_by_size
from runner.cluster.graph.single_linkage import SpanningTree
from runner.cluster.trial import NOISE

ROUNDING = 1e-9
"""How far below a threshold a similarity may lie and still count as equal to it: 1 − 6/64 is not quite 0.90625."""


STRANGERS = 0.75
"""What is less alike is not called a duplicate without being asked for, however few images there are to compare with:
half of the bits of any two hashes agree, and embeddings of strangers have cosines of up to about 0.7."""


@dataclass(frozen=True)
class SimilarityTree:
    """A maximum spanning forest of the images: two of them are linked at a threshold exactly where a path of edges
    joins them that are all at least so similar.

    Attributes:
        edges: int32, shape (m, 2), m ≤ n-1: the two rows of each edge, the most similar pair first.
        similarities: float64, shape (m,), descending, at most 1.
        n: number of images.
        strangers: about the highest similarity of images that have nothing to do with each other.
    """

    edges: np.ndarray
    similarities: np.ndarray
    n: int
    strangers: float = STRANGERS

    @classmethod
    def of_distances(cls, forest: SpanningTree, n: int) -> SimilarityTree:
        """From a tree, or a forest, of ``n`` rows whose weights are 1 - similarity."""
        return cls(forest.edges, 1 - forest.weights, n)

    @classmethod
    def of_geometry(cls, geometry: Geometry) -> SimilarityTree:
        """Cosine similarities of an embedding, from its exact tree; ``geometry`` is that of space ``none``."""
        return cls.of_unit_vectors(geometry.tree(1))

    @classmethod
    def of_unit_vectors(cls, tree: SpanningTree) -> SimilarityTree:
        """Cosine similarities from the tree of Euclidean distances between unit vectors: |x - y|² = 2 (1 - cos)."""
        return cls(tree.edges, 1 - tree.weights**2 / 2, tree.n)

    def count(self, threshold: float) -> int:
        """How many edges are at least so similar; they come first."""
        return int(np.searchsorted(-self.similarities, -threshold + ROUNDING, side="right"))

    def groups(self, threshold: float) -> np.ndarray:
        """The groups at a threshold.

        Returns:
            int32, shape (n,): the largest group is 0; an image without a mate has ``NOISE``.
        """
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        edges = self.edges[: self.count(threshold)]
        links = coo_array((np.ones(len(edges), dtype=np.int8), (edges[:, 0], edges[:, 1])), shape=(self.n, self.n))
        _, components = connected_components(links, directed=False)
        return relabel_by_size(np.where(np.bincount(components)[components] > 1, components, NOISE))
