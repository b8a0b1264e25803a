"""Damage done to files on the disk, behind the back of whoever wrote them."""

from __future__ import annotations

from pathlib import Path


def truncate(path: Path, size: int) -> None:
    """Leave the first ``size`` bytes of a file."""
    with path.open("r+b") as file:
        file.truncate(size)


def flip(path: Path, place: int, bits: int = 0xFF) -> None:
    """Invert ``bits`` of the byte at ``place``; the file keeps its size."""
    with path.open("r+b") as file:
        file.seek(place)
        (old,) = file.read(1)
        file.seek(place)
        file.write(bytes([old ^ bits]))
