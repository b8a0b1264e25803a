"""Scores of sizes, of pairs, and against reference labels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import entropy
from sklearn.metrics import (
    adjusted_mutual_info_score,
    adjusted_rand_score,
    completeness_score,
    homogeneity_score,
    v_measure_score,
)

from runner.score.composite import composite
from runner.score.constraints import cannot_link_share, must_link_share
from runner.score.reference_labels import reference_agreement
from runner.score.sizes import balance, cluster_sizes, effective_clusters, largest_share, noise_share
from tests.score.clusterings import random_labels

LABELS = st.lists(st.integers(-1, 6), min_size=1, max_size=40).map(np.array)


@given(LABELS)
def test_sizes_are_what_they_say(labels: np.ndarray) -> None:
    sizes = np.array([count for value, count in zip(*np.unique(labels, return_counts=True), strict=True) if value >= 0])
    np.testing.assert_array_equal(cluster_sizes(labels), sizes)
    assert noise_share(labels) == pytest.approx(np.mean(labels == -1))
    if sizes.size:
        assert largest_share(labels) == pytest.approx(sizes.max() / len(labels))
        assert balance(labels) == pytest.approx(max(0, 1 - np.std(sizes) / np.mean(sizes) / 2))
        assert effective_clusters(labels) == pytest.approx(np.exp(entropy(sizes)))
        assert 1 - 1e-9 <= effective_clusters(labels) <= len(sizes) + 1e-9
    else:
        assert (largest_share(labels), balance(labels), effective_clusters(labels)) == (0, 0, 0)


def test_very_uneven_sizes_have_no_balance() -> None:
    labels = np.concatenate([np.zeros(1000, int), np.arange(1, 50)])
    assert balance(labels) == 0


def test_the_composite_is_as_earlier_tools_had_it() -> None:
    assert composite(0.5, 0.8, 0.25) == pytest.approx(0.3 * 0.75 + 0.4 * 0.8 + 0.3 * 0.75)
    assert composite(None, 0.8, 0.25) is None


def test_random_labels_have_a_high_composite_which_is_why_nothing_is_ranked_by_it() -> None:
    labels = random_labels(2000, 20, seed=0)
    assert composite(0.0, balance(labels), noise_share(labels)) == pytest.approx(0.83, abs=0.02)


def test_pairs() -> None:
    labels = np.array([0, 0, 1, 1, -1, -1])
    pairs = np.array([[0, 1], [1, 2], [2, 4], [4, 5], [3, 3]])
    assert must_link_share(labels, pairs) == pytest.approx(2 / 5)
    assert cannot_link_share(labels, pairs) == pytest.approx(3 / 5)
    none = np.empty((0, 2), dtype=np.int64)
    assert must_link_share(labels, none) is None
    assert cannot_link_share(labels, none) is None


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (np.array([[0, 6]]), "rows"),
        (np.array([[-1, 0]]), "rows"),
        (np.array([0, 1]), "shape"),
        (np.array([[0.0, 1.0]]), "integers"),
    ],
)
def test_misshapen_pairs_are_refused(pairs: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        must_link_share(np.zeros(6, int), pairs)


@given(LABELS, st.data())
def test_agreement_with_reference_labels_is_scikit_learns(labels: np.ndarray, data: st.DataObject) -> None:
    names = st.lists(st.sampled_from(["cat", "dog", "ähnlich", "", None]), min_size=len(labels), max_size=len(labels))
    truth = data.draw(names)
    agreement = reference_agreement(labels, truth)
    known = [row for row, name in enumerate(truth) if name is not None]
    if not known:
        assert agreement is None
        return
    assert agreement is not None
    expected, found = [truth[row] for row in known], labels[known]
    assert agreement.ami == pytest.approx(adjusted_mutual_info_score(expected, found), abs=1e-9)
    assert agreement.ari == pytest.approx(adjusted_rand_score(expected, found))
    assert agreement.homogeneity == pytest.approx(homogeneity_score(expected, found))
    assert agreement.completeness == pytest.approx(completeness_score(expected, found))
    assert agreement.v_measure == pytest.approx(v_measure_score(expected, found))


def test_reference_labels_must_fit() -> None:
    with pytest.raises(ValueError, match="3 labels but 2"):
        reference_agreement(np.array([0, 0, 1]), ["a", "b"])
