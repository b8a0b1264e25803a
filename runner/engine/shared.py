"""The embedding's flat map: drawn once, beside the sweep, and kept with the geometry."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runner.cluster.flat_map import EmbeddingMap, map_method, project
from runner.cluster.geometry import Geometry
from runner.utils.hashing import digest_of


def shared_map(geometry: Geometry, embedding_key: str, seed: int, keep: Sequence[int]) -> EmbeddingMap:
    """The map of the embedding with this geometry, in space ``none``; see ``project``."""

    def compute() -> np.ndarray:
        lists = geometry.neighbors.indices, geometry.neighbors.distances
        drawn = project(embedding_key, geometry.vectors, seed, lists, keep)
        return np.column_stack([drawn.rows, drawn.coordinates]).astype(np.float64)

    stored = geometry.prepared(f"map-{digest_of([str(seed), *map(str, keep)])}", compute)
    rows = stored[:, 0].astype(np.int64)
    method = map_method(geometry.vectors[rows])
    return EmbeddingMap(embedding_key, rows, stored[:, 1:].astype(np.float32), method, geometry.n)
