"""Seconds for each property, unless a profile says how many examples it gets."""

from __future__ import annotations

import pytest
from hypothesis import is_hypothesis_test, settings

FEW = 25


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--hypothesis-profile"):
        return
    for item in items:
        if isinstance(item, pytest.Function) and item.path.parent.name == "fuzz" and is_hypothesis_test(item.obj):
            settings(max_examples=FEW)(item.obj)
