"""Which images a sheet shows."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from runner.report.sheets.arrangement import Place, arrange


@given(n=st.integers(0, 500), at_most=st.integers(1, 80), border=st.integers(0, 12))
def test_from_the_medoid_to_the_border(n: int, at_most: int, border: int) -> None:
    members = np.random.default_rng(n).permutation(n)
    shown = arrange(members, at_most, border)
    assert len(shown.rows) == len(shown.places) == min(n, at_most)
    assert len(set(shown.rows)) == len(shown.rows)
    order = {row: place for place, row in enumerate(members.tolist())}
    positions = [order[row] for row in shown.rows]
    assert positions == sorted(positions)
    if n:
        assert shown.places[0] is Place.MEDOID
        assert positions[: (len(positions) + 1) // 2] == list(range((len(positions) + 1) // 2))
    if n and at_most > 1:
        assert positions[-1] == n - 1
    assert shown.places.count(Place.BORDER) <= border
    assert Place.MEDOID not in shown.places[1:]


def test_large_cluster_shows_its_border() -> None:
    shown = arrange(np.arange(1000), 10, border=2)
    assert shown.rows[:5] == (0, 1, 2, 3, 4)
    assert shown.rows[-1] == 999
    assert shown.places[-3:] == (Place.INSIDE, Place.BORDER, Place.BORDER)


def test_noise_has_neither_medoid_nor_border() -> None:
    assert set(arrange(np.arange(50), 20, border=4, has_medoid=False).places) == {Place.INSIDE}
