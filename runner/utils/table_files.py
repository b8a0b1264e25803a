"""Tables that other programs write as text: commas, semicolons or tabs, titles in any case, comments, empty lines."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from runner.errors import RunnerError
from runner.utils.text_files import shown

_DELIMITERS = (",", ";", "\t")


@dataclass(frozen=True)
class Table:
    """A table with titles.

    Attributes:
        titles: of the columns, in lower case, without the spaces around them.
        rows: the line that each row begins in, counted from 1, and its cells, as many as there are titles at most.
    """

    titles: tuple[str, ...]
    rows: Iterator[tuple[int, list[str]]]

    def column(self, title: str) -> int:
        """The place of a column; ValueError if there is none."""
        return self.titles.index(title)


def read_table(text: str, where: str) -> Table:
    """The table in a text whose first row holds its titles; what separates the cells is told from that row.

    Lines that begin with ``#`` and empty ones are left out, and so are spaces behind a separator.

    Args:
        text: of the file.
        where: it is from; begins the errors' sentences.

    Raises:
        RunnerError: also while the rows are read: it is no CSV.
    """
    lines = _Lines(text)
    first = next(lines, "")
    if first.strip().lower() in [f"sep={delimiter}".strip() for delimiter in _DELIMITERS]:  # so Excel writes it
        first = next(lines, "")
    delimiter = max(_DELIMITERS, key=lambda each: len(_cells(first, each)))
    titles = tuple(cell.strip().lower() for cell in _cells(first, delimiter))
    return Table(titles, _rows(lines, delimiter, where))


def _rows(lines: _Lines, delimiter: str, where: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=delimiter != "\t", strict=True)
    while True:
        lines.between_rows = True
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise RunnerError(f"{where}, line {lines.row}: not valid CSV: {shown(error)}") from error
        if cells is None:
            return
        yield lines.row, cells


def _cells(line: str, delimiter: str) -> Sequence[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error:
        return []


class _Lines:
    """The lines of a text for a CSV reader, which takes several where a quoted cell holds line breaks.

    Attributes:
        between_rows: whether the next line begins a row: only there can a line be empty or a comment.
        row: the line that the present row begins in, counted from 1.
    """

    def __init__(self, text: str) -> None:
        self._lines = io.StringIO(text, newline="")
        self._read = 0
        self.between_rows = True
        self.row = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        for line in self._lines:
            self._read += 1
            if self.between_rows and (not line.strip() or line.startswith("#")):
                continue
            if self.between_rows:
                self.row, self.between_rows = self._read, False
            return line
        raise StopIteration
