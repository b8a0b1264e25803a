"""Result files: whole or not there, in text and JSON that every program reads."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from runner.errors import RunnerError
from runner.utils.atomic import replaced_atomically
from runner.utils.system_errors import reason_and_remedy


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """A path beside ``target`` to write to, which replaces ``target`` once the block has succeeded.

    Raises:
        RunnerError: if the file system refuses (no space, no permission).
    """
    try:
        with replaced_atomically(target) as temporary:
            yield temporary
    except OSError as error:
        raise RunnerError(f"{target} could not be written: {reason_and_remedy(error)}") from error


def write_text(target: Path, text: str) -> None:
    """Write UTF-8 text with ``\\n`` line ends, atomically."""
    with atomic_path(target) as path:
        path.write_bytes(text.encode("utf-8"))


def write_json(target: Path, value: object, indent: int | None = 1) -> None:
    """Write strict JSON atomically; see :func:`strict_json`."""
    write_text(target, strict_json(value, indent) + "\n")


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
