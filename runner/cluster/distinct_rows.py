"""The different rows of a matrix: what is equal is looked at once, with a weight, and so is never told apart.

Equal rows of one matrix product may differ in the last bit, by their place in a block, the processor's instructions or
the number of threads, so that an algorithm that sees them as separate rows may part them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numba
import numpy as np

from runner.utils.compiled import compiled

_SIGN_BITS = {4: 1 << 31, 8: 1 << 63}
"""The bits of -0.0, which equals 0.0, by size of a number."""


@dataclass(frozen=True)
class DistinctRows:
    """The m different rows among n, in the order in which they first appear.

    Attributes:
        firsts: int64, shape (m,), ascending: the first row of each kind.
        numbers: int64, shape (n,): which of the m different rows each row equals.
    """

    firsts: np.ndarray
    numbers: np.ndarray

    @property
    def n(self) -> int:
        """How many rows there are, equal ones included."""
        return len(self.numbers)

    def __len__(self) -> int:
        """How many different rows there are."""
        return len(self.firsts)

    @property
    def has_copies(self) -> bool:
        return len(self.firsts) < len(self.numbers)

    @cached_property
    def weights(self) -> np.ndarray:
        """How many rows equal each of the different ones, int64, shape (m,)."""
        return np.bincount(self.numbers, minlength=len(self.firsts))

    @property
    def tickets(self) -> np.ndarray:
        """The numbers of the different rows, each as often as it occurs, ascending: what to draw one from, as then it
        does not matter where the copies lie. int64, shape (n,)."""
        return np.repeat(np.arange(len(self.firsts)), self.weights)

    @cached_property
    def copies(self) -> np.ndarray:
        """The rows that equal an earlier one, int64, shape (n - m,), ascending."""
        return np.flatnonzero(self.firsts[self.numbers] != np.arange(len(self.numbers)))

    def of(self, values: np.ndarray) -> np.ndarray:
        """What ``values``, one for each row, are for the different rows; itself where there are no copies."""
        return values[self.firsts] if self.has_copies else values

    def spread(self, values: np.ndarray) -> np.ndarray:
        """What ``values``, one for each different row, are for all rows; itself where there are no copies."""
        return values[self.numbers] if self.has_copies else values


def distinct_rows(vectors: np.ndarray) -> DistinctRows:
    """Find equal rows, in one pass over the numbers and a sort of one key a row.

    Rows are equal where all their numbers are, 0.0 and -0.0 too; nearly equal rows are different ones.

    Args:
        vectors: float32 or float64, shape (n, d); a read-only memory map will do.

    >>> found = distinct_rows(np.array([[1.0, 0.0], [2.0, 0.0], [1.0, -0.0]]))
    >>> found.firsts.tolist(), found.numbers.tolist(), found.weights.tolist()
    ([0, 1], [0, 1, 0], [2, 1])
    """
    vectors = np.asarray(vectors)
    bits = vectors.view(f"u{vectors.itemsize}") if vectors.size else np.zeros((len(vectors), 0), np.uint32)
    sign = bits.dtype.type(_SIGN_BITS[bits.itemsize])
    keys = _keys(bits, sign, _multipliers(bits.shape[1]))
    order = np.argsort(keys, kind="stable")
    everything = np.arange(len(vectors))
    if not (keys[order[1:]] == keys[order[:-1]]).any():
        return DistinctRows(everything, everything)
    leaders = _leaders(bits, sign, keys, order)
    firsts = np.flatnonzero(leaders == everything)
    return DistinctRows(firsts, np.searchsorted(firsts, leaders))


def _multipliers(count: int) -> np.ndarray:
    """Random odd numbers, always the same, uint64: the key of a row is the sum of its numbers' bits, each times one."""
    return np.random.default_rng(0).integers(2**63, size=count, dtype=np.uint64) * np.uint64(2) + np.uint64(1)


@compiled(parallel=True)
def _keys(bits, sign, multipliers):  # type: ignore[no-untyped-def]
    """A number for each row, the same for equal ones and hardly ever for others: uint64, shape (n,)."""
    keys = np.empty(len(bits), dtype=np.uint64)
    for row in numba.prange(len(bits)):
        total = np.uint64(0)
        for axis in range(bits.shape[1]):
            number = bits[row, axis]
            total += np.uint64(0 if number == sign else number) * multipliers[axis]
        keys[row] = total
    return keys


@compiled()
def _leaders(bits, sign, keys, order):  # type: ignore[no-untyped-def]
    """The first row that each row equals, int64, shape (n,); ``order`` sorts the keys, and rows of one key ascend."""
    leaders = np.arange(len(bits))
    start = 0
    while start < len(order):
        end = start + 1
        while end < len(order) and keys[order[end]] == keys[order[start]]:
            end += 1
        for place in range(start + 1, end):
            for earlier in range(start, place):
                leader = order[earlier]
                if leaders[leader] == leader and _are_equal(bits, sign, leader, order[place]):
                    leaders[order[place]] = leader
                    break
        start = end
    return leaders


@compiled()
def _are_equal(bits, sign, one, other):  # type: ignore[no-untyped-def]
    for axis in range(bits.shape[1]):
        a, b = bits[one, axis], bits[other, axis]
        if a != b and not ((a == sign and b == 0) or (a == 0 and b == sign)):
            return False
    return True
