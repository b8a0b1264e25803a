"""The package hdbscan as the reference, with the one order of equal values that is the same on all processors."""

from __future__ import annotations

from functools import partial
from unittest.mock import patch

import hdbscan
import numpy as np


def fitted(vectors: np.ndarray, min_samples: int) -> hdbscan.HDBSCAN:
    """The package's own model of the rows; equal edges of its tree keep the order in which it found them.

    It sorts them with NumPy's default sort, which puts equal values in another order on a processor with AVX-512 than
    on one without.
    """
    model = hdbscan.HDBSCAN(min_cluster_size=5, min_samples=min_samples, algorithm="prims_kdtree")
    with patch.object(np, "argsort", partial(np.argsort, kind="stable")):
        return model.fit(vectors.astype(np.float64))
