"""What tests need of the machine: where it is missing, a person's run skips the test and the continuous one fails."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest
from platformdirs import user_cache_path

CACHES = os.environ.get("XDG_CACHE_HOME") or str(user_cache_path())
"""Where compiled kernels are kept, for processes with another home as well: compiling them takes minutes."""


def unavailable(what: str) -> NoReturn:
    """End the test, as ``what`` is missing here; name the remedy with it."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)
