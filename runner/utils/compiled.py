"""Numerical kernels, compiled once for each state of their sources.

Numba keeps machine code for as long as the file of a function stays as it is. The code of the functions which that one
calls is part of it, and where those have changed, or moved to another module, what is kept would be wrong, or could not
be loaded. So the folder of the kept code is named by the sources of all kernels together.
"""

from __future__ import annotations

import functools
import hashlib
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numba
from platformdirs import user_cache_path

_SETTINGS: Any = numba.config
_PACKAGE = Path(__file__).resolve().parents[1]
_MARKS = (b"@compiled(", b"@numba.njit(")
_DAYS_KEPT = 30


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """``numba.njit`` with ``options``, its machine code kept from one process to the next.

    Where ``NUMBA_CACHE_DIR`` names a folder, it is kept in there, and else in the user's cache folder.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        usual = _SETTINGS.CACHE_DIR
        _SETTINGS.CACHE_DIR = str(kernel_folder(usual))
        try:
            return numba.njit(cache=True, **options)(function)
        finally:
            _SETTINGS.CACHE_DIR = usual

    return decorate


@functools.cache
def kernel_folder(usual: str) -> Path:
    """Where machine code is kept; ``usual`` is what Numba's settings name, or empty."""
    base = Path(usual) if usual else user_cache_path("imagesweep", appauthor=False) / "kernels"
    folder = base / f"imagesweep-{source_digest(_PACKAGE)}"
    for other in base.glob("imagesweep-*"):
        with suppress(OSError):  # in use by another process, or gone
            if other != folder and time.time() - other.stat().st_mtime > _DAYS_KEPT * 86_400:
                shutil.rmtree(other)
    return folder


def source_digest(package: Path) -> str:
    """Of the names and contents of all modules below ``package`` that hold kernels."""
    state = hashlib.blake2b(digest_size=8)
    for path in sorted(package.rglob("*.py")):
        content = path.read_bytes()
        if any(mark in content for mark in _MARKS):
            name = path.relative_to(package).as_posix().encode()
            state.update(b"%d %s %d " % (len(name), name, len(content)) + content)
    return state.hexdigest()
