"""Silhouettes of nested partitions are those of each partition alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.cluster.hierarchy import cut_tree, linkage

from runner.score.nested_silhouette import nested_silhouettes
from runner.score.silhouette import silhouette
from tests.score.clusterings import blobs


def cuts(vectors: np.ndarray, counts: list[int]) -> list[np.ndarray]:
    return list(cut_tree(linkage(vectors, "average"), counts).T)


@given(seed=st.integers(0, 10_000), n=st.integers(3, 60), crowded=st.booleans(), repeated=st.booleans())
def test_as_each_alone(seed: int, n: int, crowded: bool, repeated: bool) -> None:
    generator = np.random.default_rng(seed)
    vectors = generator.normal(size=(n, 5)) + (20 if crowded else 0)
    if repeated:
        vectors = vectors[generator.integers(0, max(2, n // 3), size=n)]
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    counts = sorted({int(count) for count in generator.integers(1, n + 1, size=4)}, reverse=True)
    partitions = cuts(vectors, counts)
    expected = [silhouette(labels, vectors) for labels in partitions]
    for found, known in zip(nested_silhouettes(partitions, vectors), expected, strict=True):
        assert found == (None if known is None else pytest.approx(known, abs=2e-5))


def test_many_rows_in_several_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.score.cluster_geometry.BLOCK_BYTES", 100_000)
    vectors, _ = blobs(1500, 16, 12, spread=0.4, seed=3)
    partitions = cuts(vectors, [400, 90, 12, 2])
    expected = [silhouette(labels, vectors) for labels in partitions]
    assert nested_silhouettes(partitions, vectors) == pytest.approx(expected, abs=1e-6)


def test_what_is_not_nested_is_refused() -> None:
    vectors, _ = blobs(6, 3, 2, seed=0)
    fine, other = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 1, 1, 0, 0, 0])
    with pytest.raises(ValueError, match="union of clusters"):
        nested_silhouettes([fine, other], vectors)
    with pytest.raises(ValueError, match="union of clusters"):
        nested_silhouettes([fine, np.array([0, 0, 0, 0, 1, 1]), np.array([0, 0, 1, 1, 1, 1])], vectors)
    with pytest.raises(ValueError, match="noise"):
        nested_silhouettes([np.array([0, 0, 1, 1, -1, -1])], vectors)
