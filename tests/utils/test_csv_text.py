"""No cell of a CSV is a formula, and every text comes back whole."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.utils.csv_text import csv_cell


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0")) | st.sampled_from(["=1", "'=1", "''@", "\t+"])
)
def test_one_apostrophe_is_all_there_is_to_take_away(text: str) -> None:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerow([csv_cell(text), "end"])
    cell = next(csv.reader(io.StringIO(file.getvalue())))[0]
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    rest = cell[1:].lstrip("'") if cell.startswith("'") else ""
    assert (cell[1:] if rest[:1] in {"=", "+", "-", "@", "\t", "\r"} and rest else cell) == text


@pytest.mark.parametrize("number", [-1, 0.1 + 0.2, -1e-300, True])
def test_numbers_stay_what_they_are(number: object) -> None:
    assert csv_cell(number) is number
