"""Memory: telling that none is left, and keeping what is freed in the process.

glibc returns arrays of many megabytes to the system as soon as they are freed. Where each step of a computation frees
what the next one needs again, the system clears the same pages over and over, which on a CPU can take as long as the
computation itself: convolutional networks run up to twice as fast without it. See mallopt(3).
"""

from __future__ import annotations

import ctypes
import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from runner.utils.machine import usable_memory

LARGEST_KEPT = 256 * 2**20
"""Bytes of the largest array whose memory is kept; larger ones go back to the system as ever."""

MOST_KEPT = 2**30
"""Bytes of freed memory at the end of the heap above which it is given back."""

_USUAL_LARGEST, _USUAL_MOST = 32 * 2**20, 64 * 2**20
"""What glibc arrives at by itself in a process that frees large arrays."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3

_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")
"""What torch's allocators say, each in a RuntimeError."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether ``error`` says that a device or the machine has no memory left."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    if isinstance(error, RuntimeError):
        return any(text in str(error).lower() for text in _OUT_OF_MEMORY)
    return isinstance(error, MemoryError)


def keep_freed_memory(largest: int = LARGEST_KEPT, most: int = MOST_KEPT) -> None:
    """Keep what is freed from now on, of little memory less; without effect where the C library is not glibc.

    Args:
        largest: bytes of the largest array whose memory is kept.
        most: bytes of freed memory above which it is given back.
    """
    libc = _glibc()
    if libc is not None:
        usable = usable_memory()
        libc.mallopt(_M_MMAP_THRESHOLD, min(largest, usable // 64))
        libc.mallopt(_M_TRIM_THRESHOLD, min(most, usable // 16))


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Keep what is freed within the block, and give it all back at its end."""
    keep_freed_memory()
    try:
        yield
    finally:
        keep_freed_memory(_USUAL_LARGEST, _USUAL_MOST)
        libc = _glibc()
        if libc is not None:
            libc.malloc_trim(0)


@lru_cache(maxsize=1)
def _glibc() -> ctypes.CDLL | None:
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "gnu_get_libc_version") else None
