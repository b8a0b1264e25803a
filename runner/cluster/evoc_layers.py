"""EVoC (Embedding Vector Oriented Clustering) by its own package: several granularities from one run."""

from __future__ import annotations

import numpy as np

from runner.errors import RunnerError

NEIGHBORS = 15
"""Neighbours per point in EVoC's graph, as by its default; with no more points than that it joins what is not there."""

EMBEDDING_DIMENSION = 4
"""Dimension of EVoC's own space, as by its default for that many neighbours."""


def evoc_layers(vectors: np.ndarray, random_state: int, base_min_cluster_size: int = 5) -> list[np.ndarray]:
    """Layers of ``evoc.EVoC``, from the finest to the coarsest.

    The result depends on how many threads compute it, so that it takes one: the same seed gives the same labels in
    every process and on every number of cores.

    Args:
        vectors: float32, shape (n, d), not zero; lengths do not matter. A read-only memory map will do.
        random_state: seed.
        base_min_cluster_size: fewest members of a cluster of the finest layer.

    Returns:
        int32 labels, shape (n,), of each layer; -1 is noise.

    Raises:
        RunnerError: for vectors that EVoC fails on, or would give an arbitrary answer for: too few of them, too
            few dimensions, or all the same.
    """
    _check(vectors)
    import numba
    from evoc import EVoC

    estimator = EVoC(
        n_neighbors=NEIGHBORS,
        node_embedding_dim=EMBEDDING_DIMENSION,
        base_min_cluster_size=base_min_cluster_size,
        random_state=random_state,
    )
    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        estimator.fit(np.array(vectors, dtype=np.float32))
    finally:
        numba.set_num_threads(threads)
    return [np.asarray(layer, dtype=np.int32) for layer in estimator.cluster_layers_]


def _check(vectors: np.ndarray) -> None:
    n, dimension = vectors.shape
    if n <= NEIGHBORS:
        raise RunnerError(f"evoc needs more than {NEIGHBORS} images, got {n}; choose another algorithm")
    if dimension < EMBEDDING_DIMENSION:
        raise RunnerError(f"evoc needs vectors of {EMBEDDING_DIMENSION} dimensions or more, got {dimension}")
    if (vectors == vectors[0]).all():
        raise RunnerError(f"evoc can't tell {n} identical images apart; choose another algorithm")
