"""How much memory and time a file may take, and a gate that many threads pass without taking more together."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

MEMORY = 512 << 20
"""Bytes that decoding may take in this process, above what it has otherwise, whatever the number of threads."""

SECONDS = 10
"""Time that decoding a file may take, on a processor of today."""

MAX_PIXELS = 500_000_000
"""Largest image that is decoded, in pixels of its first frame."""

FULL_PIXELS = 60_500_000
"""Largest image that is handed on, in pixels: it and a turned copy of it, four bytes a pixel each, fit in ``MEMORY``.
Cameras of 60 megapixels stay below it."""

LARGE_PIXELS = 50_000_000
"""Images above this are reduced where the caller says how many pixels are needed."""

LARGE_WEBP_PIXELS = 30_000_000
"""WebPs above this are reduced while they are decoded."""

OVERHEAD = 24 << 20
"""Bytes that a decoder takes beside pixels."""


class _Gate:
    """Lets in as many users at a time as fit in ``capacity``, in the order in which they came."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._used = 0
        self._turn = threading.Lock()
        self._freed = threading.Condition()

    @contextmanager
    def reserved(self, amount: int) -> Iterator[None]:
        """Hold ``amount`` of the capacity, all of it where it is more; waits until that is free."""
        amount = min(amount, self._capacity)
        with self._turn, self._freed:  # whoever waits lets nobody pass: a large image would never get its turn
            self._freed.wait_for(lambda: self._used + amount <= self._capacity)
            self._used += amount
        try:
            yield
        finally:
            with self._freed:
                self._used -= amount
                self._freed.notify_all()


memory = _Gate(MEMORY)
"""Of this process."""
