"""Digests of lists of strings."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


def digest_of(parts: Iterable[str]) -> str:
    """128 bits of BLAKE2b over a list of strings, in hexadecimal."""
    state = hashlib.blake2b(digest_size=16)
    for part in parts:
        encoded = part.encode("utf-8", "surrogateescape")
        state.update(len(encoded).to_bytes(8, "little") + encoded)
    return state.hexdigest()
