"""Pairs of images that were taken shortly after each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

PAIRS_AT_A_TIME = 1 << 20

_ROUNDING = 1e-6
"""Seconds since 1970 are exact to less than this."""


@dataclass(frozen=True)
class TimeWindow:
    """Which images may be linked: those taken at most ``seconds`` apart.

    Attributes:
        times: float64, shape (n,), seconds since any moment; nan where a time is unknown, which is near no other.
        seconds: the window's width.
    """

    times: np.ndarray
    seconds: float

    def of(self, rows: np.ndarray) -> TimeWindow:
        """The same for some of the images."""
        return TimeWindow(self.times[rows], self.seconds)

    def allows(self, pairs: np.ndarray) -> np.ndarray:
        """Whether each pair of rows is near enough: bool, shape (m,) for pairs of shape (m, 2)."""
        return np.abs(self.times[pairs[:, 0]] - self.times[pairs[:, 1]]) <= self.seconds + _ROUNDING

    def count(self) -> int:
        """Number of pairs that are near enough."""
        return int(self._later()[1].sum())

    def pairs(self) -> Iterator[np.ndarray]:
        """All pairs that are near enough, each once, the lower row first, in parts: int32, shape (m, 2).

        >>> [part.tolist() for part in TimeWindow(np.array([0.0, 9.0, 2.5, np.nan, 1.0]), 2).pairs()]
        [[[0, 4], [2, 4]]]
        """
        rows, counts = self._later()
        ends = np.cumsum(counts)
        start = 0
        while start < len(rows):
            before = ends[start - 1] if start else 0
            stop = max(start + 1, int(np.searchsorted(ends, before + PAIRS_AT_A_TIME, side="right")))
            part = counts[start:stop]
            first = np.repeat(np.arange(start, stop), part)
            second = first + 1 + np.arange(len(first)) - np.repeat(np.cumsum(part) - part, part)
            if len(first):
                yield np.sort(np.stack([rows[first], rows[second]], axis=1), axis=1).astype(np.int32)
            start = stop

    def _later(self) -> tuple[np.ndarray, np.ndarray]:
        """The rows with a time, the earliest first, and how many of the next ones are near enough to each."""
        rows = np.argsort(self.times, kind="stable")[: np.count_nonzero(~np.isnan(self.times))]
        times = self.times[rows]
        return rows, np.searchsorted(times, times + (self.seconds + _ROUNDING), side="right") - np.arange(len(rows)) - 1
