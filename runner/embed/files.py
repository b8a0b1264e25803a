"""The size of a folder, and what was left behind half written."""

from __future__ import annotations

import contextlib
import os
import time
from datetime import timedelta
from pathlib import Path

LEFTOVER_AGE = timedelta(hours=1)
"""From when on something half written is taken for left behind."""


def size_of(folder: Path) -> int:
    """Bytes of all files in ``folder``; one that vanishes meanwhile counts as nothing."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += (Path(parent) / name).stat().st_size
    return total


def is_leftover(path: Path) -> bool:
    """Whether what lies at ``path`` is so old that whoever was writing it must have been killed."""
    return time.time() - path.stat().st_mtime > LEFTOVER_AGE.total_seconds()
