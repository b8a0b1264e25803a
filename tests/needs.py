"""What tests need of the machine: where it is missing, a person's run skips the test and the continuous one fails."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest
from platformdirs import user_cache_path

KERNELS = os.environ.get("NUMBA_CACHE_DIR") or str(user_cache_path("imagesweep", appauthor=False) / "kernels")
"""Where compiled kernels are kept, for processes with another home as well: compiling them takes minutes."""


def unavailable(what: str) -> NoReturn:
    """End the test, as ``what`` is missing here; name the remedy with it."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)
