"""Centrality, cohesion and order of a clustering, against the definitions written out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import silhouette_samples

from runner.cluster.trial import NOISE
from runner.score import cluster_statistics as module
from runner.score.cluster_statistics import cluster_facts
from tests.report.experiments import unit_vectors


@pytest.fixture
def clustered() -> tuple[np.ndarray, np.ndarray]:
    labels = np.random.default_rng(3).integers(0, 6, 90).astype(np.int32)
    labels[:9] = NOISE
    labels[9] = 6  # alone
    return labels, unit_vectors(90)


def test_agrees_with_the_definitions(clustered: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch) -> None:
    labels, vectors = clustered
    monkeypatch.setattr(module, "BLOCK", 17)
    facts = cluster_facts(labels, vectors)
    similarity = vectors.astype(np.float64) @ vectors.T
    assert facts.n_clusters == 7
    for cluster in range(7):
        rows = np.flatnonzero(labels == cluster)
        within = similarity[np.ix_(rows, rows)]
        assert facts.sizes[cluster] == len(rows)
        np.testing.assert_allclose(facts.centrality[rows], within.mean(axis=1), rtol=1e-4)
        assert facts.medoid(cluster) == rows[within.mean(axis=1).argmax()]
        pairs = within[~np.eye(len(rows), dtype=bool)]
        np.testing.assert_allclose(facts.cohesion[cluster], pairs.mean() if len(pairs) else np.nan, rtol=1e-4)
    means = np.stack([vectors[labels == cluster].mean(axis=0) for cluster in range(7)])
    np.testing.assert_allclose(facts.centrality[:9], (vectors[:9] @ means.T).max(axis=1), rtol=1e-4)


def test_silhouettes_are_those_of_scikit_learn(clustered: tuple[np.ndarray, np.ndarray]) -> None:
    labels, vectors = clustered
    facts = cluster_facts(labels, vectors)
    inside = labels != NOISE
    assert facts.silhouette is not None
    assert np.isnan(facts.silhouette[~inside]).all()
    expected = silhouette_samples(vectors[inside], labels[inside], metric="cosine")
    np.testing.assert_allclose(facts.silhouette[inside], expected, atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(labels=st.lists(st.integers(-1, 4), max_size=40))
def test_members_are_a_partition_from_the_centre_outwards(labels: list[int]) -> None:
    kept = np.array(labels, dtype=np.int32)
    kept = (np.unique(kept, return_inverse=True)[1] - int((kept == NOISE).any())).astype(np.int32)  # no gaps
    facts = cluster_facts(kept, unit_vectors(len(kept)))
    rows = [facts.members(cluster) for cluster in range(NOISE, facts.n_clusters)]
    assert sorted(np.concatenate(rows).tolist()) == list(range(len(kept)))
    for cluster, members in zip(range(NOISE, facts.n_clusters), rows, strict=True):
        assert (kept[members] == cluster).all()
        assert (np.diff(facts.centrality[members]) <= 0).all()
    assert sorted(facts.by_size) == list(range(facts.n_clusters))
    assert (np.diff(facts.sizes[facts.by_size]) <= 0).all()


@pytest.mark.parametrize("labels", [[], [-1, -1, -1], [0], [0, 0, -1]])
def test_without_two_clusters_there_is_no_silhouette(labels: list[int]) -> None:
    facts = cluster_facts(np.array(labels, dtype=np.int32), unit_vectors(len(labels)))
    assert facts.silhouette is None
    assert facts.n_clusters == max([*labels, -1]) + 1


def test_vectors_may_be_a_read_only_memory_map(clustered: tuple[np.ndarray, np.ndarray], tmp_path) -> None:  # type: ignore[no-untyped-def]
    labels, vectors = clustered
    np.save(tmp_path / "vectors.npy", vectors)
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    assert np.array_equal(cluster_facts(labels, mapped).centrality, cluster_facts(labels, vectors).centrality)
