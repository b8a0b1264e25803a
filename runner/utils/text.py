"""Words and numbers as people read them, and JSON as every program reads it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np


def count_of(number: int, noun: str) -> str:
    """``1 image``, ``2,345 images``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def decimal(value: float, digits: int = 2) -> str:
    """``0.25``, ``−0.25``: with a minus sign as long as a plus, and no negative zero."""
    text = f"{value:.{digits}f}"
    return text.replace("-", "" if float(text) == 0 else "−")


def duration(seconds: float) -> str:
    """``0.4 s``, ``12 s``, ``3 min 5 s``, ``2 h 10 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def strict_json(value: object, indent: int | None = None) -> str:
    """JSON that every parser reads: no NaN or Infinity (they become null), names as valid UTF-8."""
    return json.dumps(_strict(value), indent=indent, ensure_ascii=False, allow_nan=False)


def printable(name: str) -> str:
    """``name`` as text that can be encoded: bytes of a file name that are no UTF-8 become ``\\xff``."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _strict(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {printable(str(key)): _strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(item) for item in value]
    return value
