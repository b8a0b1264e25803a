"""Codes of fixed length compared pair by pair: all pairs, in memory that does not grow with n².

The distance of two codes is the number of bits, or else of words, in which they differ.
"""

from __future__ import annotations

import numba
import numpy as np

from runner.utils.compiled import compiled


def packed(bits: np.ndarray) -> np.ndarray:
    """Bits as 64-bit words: uint64, shape (n, ceil(n_bits / 64)), the last word filled with zeros."""
    n, n_bits = bits.shape
    padded = np.zeros((n, -(-n_bits // 64) * 64), dtype=bool)
    padded[:, :n_bits] = bits
    return np.packbits(padded, axis=1).view(np.uint64)


@numba.njit(inline="always")
def _ones(word):  # type: ignore[no-untyped-def]
    """Number of set bits; LLVM knows this form and turns it into the processor's instruction."""
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((word * np.uint64(0x0101010101010101)) >> np.uint64(56))


@numba.njit(inline="always")
def _distance(first, second, of_bits):  # type: ignore[no-untyped-def]
    total = 0
    for word in range(len(first)):
        if of_bits:
            total += _ones(first[word] ^ second[word])
        else:
            total += first[word] != second[word]
    return total


def spanning_tree_of_codes(words: np.ndarray, of_bits: bool) -> tuple[np.ndarray, np.ndarray]:
    """A minimum spanning tree of all codes.

    Args:
        words: uint64, shape (n, width), n ≥ 1.
        of_bits: whether bits are counted, or words.

    Returns:
        edges, int64, shape (n-1, 2), and their distances, int64, ascending.
    """
    _, first, copy_of = np.unique(words, axis=0, return_index=True, return_inverse=True)
    others = np.setdiff1d(np.arange(len(words)), first)  # equal codes need no search
    equal = np.stack([first[copy_of.ravel()[others]], others], axis=1)
    unequal, distances = _prim(words[first], of_bits)
    distances = np.concatenate([np.zeros(len(equal), dtype=np.int64), distances])
    order = np.argsort(distances, kind="stable")
    return np.concatenate([equal, first[unequal]])[order], distances[order]


@compiled()
def _prim(words, of_bits):  # type: ignore[no-untyped-def]
    """Prim's algorithm on the complete graph: int64 edges, shape (n-1, 2), and distances.

    The rows outside the tree are kept together at the front, so that every pair is compared once.
    """
    n, width = words.shape
    edges = np.empty((n - 1, 2), dtype=np.int64)
    distances = np.empty(n - 1, dtype=np.int64)
    outside = words[1:].copy()
    rows = np.arange(1, n)
    nearest = np.zeros(n - 1, dtype=np.int64)
    best = np.full(n - 1, 64 * width + 1, dtype=np.int64)
    newest = words[0].copy()
    newest_row = 0
    for step in range(n - 1):
        left = n - 1 - step
        chosen = 0
        for place in range(left):
            distance = _distance(outside[place], newest, of_bits)
            if distance < best[place]:
                best[place] = distance
                nearest[place] = newest_row
            if best[place] < best[chosen]:
                chosen = place
        edges[step, 0], edges[step, 1], distances[step] = nearest[chosen], rows[chosen], best[chosen]
        newest_row = rows[chosen]
        newest[:] = outside[chosen]
        outside[chosen], rows[chosen] = outside[left - 1], rows[left - 1]
        best[chosen], nearest[chosen] = best[left - 1], nearest[left - 1]
    return edges, distances


@compiled()
def nearest_codes(words, k, of_bits):  # type: ignore[no-untyped-def]
    """The ``k`` < n nearest other codes of each: int64, shape (n, k), of equally near ones the first."""
    n = len(words)
    found = np.empty((n, k), dtype=np.int64)
    for row in range(n):
        distances = np.full(k, 1 << 40)
        for other in range(n):
            if other == row:
                continue
            distance = _distance(words[row], words[other], of_bits)
            if distance >= distances[k - 1]:
                continue
            place = k - 1
            while place > 0 and distances[place - 1] > distance:
                distances[place] = distances[place - 1]
                found[row, place] = found[row, place - 1]
                place -= 1
            distances[place] = distance
            found[row, place] = other
    return found


@compiled(nogil=True)
def count_mutual(first, second, farthest):  # type: ignore[no-untyped-def]
    """How many codes of ``first`` and ``second`` are each other's nearest, and at most ``farthest`` bits apart.

    Of equally near ones the first is the nearest. Both are uint64, shape (n, width) and (m, width), n, m ≥ 1.
    """
    n, m = len(first), len(second)
    nearest = np.zeros(n, dtype=np.int64)
    nearest_of_second = np.zeros(m, dtype=np.int64)
    lowest = np.full(n, 64 * first.shape[1] + 1)
    lowest_of_second = np.full(m, 64 * first.shape[1] + 1)
    for i in range(n):
        for j in range(m):
            distance = _distance(first[i], second[j], True)
            if distance < lowest[i]:
                lowest[i], nearest[i] = distance, j
            if distance < lowest_of_second[j]:
                lowest_of_second[j], nearest_of_second[j] = distance, i
    count = 0
    for i in range(n):
        count += lowest[i] <= farthest and nearest_of_second[nearest[i]] == i
    return count
