"""Text in CSV files, which spreadsheets would otherwise take for formulas and run."""

from __future__ import annotations

import re

from runner.utils.text import printable

_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def csv_cell(value: object) -> object:
    """A value as a cell: text that a spreadsheet would run gets a leading ``'``, numbers stay exact.

    So does text that begins with ``'`` and then in this way, so that taking one ``'`` away always gives the original.

    >>> csv_cell("=1+1"), csv_cell("'=1"), csv_cell("'tis"), csv_cell(-1)
    ("'=1+1", "''=1", "'tis", -1)
    """
    if not isinstance(value, str):
        return value
    text = printable(value)
    return f"'{text}" if _FORMULA.match(text) else text
