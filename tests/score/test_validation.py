"""Labels of any numbers are the same partition as those without gaps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.cluster.trial import NOISE
from runner.score.validation import compact_labels

LABELS = st.lists(st.integers(NOISE, 12), min_size=1, max_size=40)


@given(LABELS, st.sampled_from([1, 1000]), st.sampled_from([np.int8, np.int32, np.int64]))
def test_numbered_without_gaps_in_their_order(values: list[int], stretch: int, kind: type) -> None:
    labels = np.array(values).astype(np.int64)
    labels = np.where(labels == NOISE, NOISE, labels * stretch)  # far apart, as numbers of a user's may be
    if stretch == 1:
        labels = labels.astype(kind)
    compact = compact_labels(labels)
    numbers = {label: number for number, label in enumerate(sorted(set(labels.tolist()) - {NOISE}))}
    assert compact.tolist() == [numbers.get(label, NOISE) for label in labels.tolist()]
    assert compact.dtype == np.int64


@pytest.mark.parametrize("labels", [[], [0.5, 1], [-2, 0], [[0, 1]]])
def test_what_is_no_labelling_is_refused(labels: list[float]) -> None:
    with pytest.raises(ValueError, match="labels must"):
        compact_labels(np.array(labels))
