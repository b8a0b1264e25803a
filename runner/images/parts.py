"""Chosen parts of a file, read as if they were a file of their own."""

from __future__ import annotations

import io
import os
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import IO

Part = bytes | tuple[int, int]
"""Bytes as they are, or (start, length) of a part of the file."""


class Parts(io.RawIOBase):
    """A read-only file made of parts of another one, none of which is held in memory.

    Decoders are given what they need so, without what would make them fail.
    """

    def __init__(self, file: IO[bytes], parts: Sequence[Part]) -> None:
        self._file = file
        self._parts = parts
        lengths = (len(part) if isinstance(part, bytes) else part[1] for part in parts)
        self._starts = [0, *accumulate(lengths)]
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._starts[-1]}[whence]
        if base + offset < 0:
            raise ValueError(f"there is nothing before the beginning, at {base + offset}")
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        number = bisect_right(self._starts, self._position) - 1
        if number >= len(self._parts):
            return 0
        part, inside = self._parts[number], self._position - self._starts[number]
        wanted = min(len(view), self._starts[number + 1] - self._position)
        if isinstance(part, bytes):
            content = part[inside : inside + wanted]
        else:
            self._file.seek(part[0] + inside)
            content = self._file.read(wanted)
        view[: len(content)] = content
        self._position += len(content)
        return len(content)
