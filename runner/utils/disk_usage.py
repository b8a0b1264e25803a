"""How much room files take, in bytes and in words."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_UNITS = ("bytes", "KB", "MB", "GB", "TB")


def size_of(*paths: Path) -> int:
    """Bytes of files and of all that is in folders; several names of one file count once, and one that vanishes
    meanwhile as nothing."""
    sizes: dict[tuple[int, int], int] = {}
    for path in _files(paths):
        with suppress(FileNotFoundError):
            status = path.lstat()
            sizes[status.st_dev, status.st_ino] = status.st_size
    return sum(sizes.values())


def in_units(size: float) -> str:
    """``1.2 GB``."""
    for unit in _UNITS[:-1]:
        if size < 1000:
            return f"{size:.0f} {unit}" if unit != "GB" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} {_UNITS[-1]}"


def _files(paths: Iterable[Path]) -> Iterable[Path]:
    for path in paths:
        if path.is_symlink() or not path.is_dir():
            yield path
        for parent, _, names in os.walk(path):
            yield from (Path(parent) / name for name in names)
