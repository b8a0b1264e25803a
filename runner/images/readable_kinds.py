"""Which kinds of pictures can be read here, and what to do about the others."""

from __future__ import annotations

from runner.images.kinds import Kind

_READ = frozenset((Kind.JPEG, Kind.PNG, Kind.GIF, Kind.BMP, Kind.TIFF, Kind.WEBP))

READABLE = "JPEG, PNG, GIF, BMP, TIFF and WebP"
"""What is read, for people."""


def why_unreadable(kind: Kind | None) -> str | None:
    """Why pictures of a kind can't be read and what to do, in words that follow a file's name; None if they can."""
    if kind in _READ:
        return None
    return f"is a {kind} picture, which is not read; convert it to one of {READABLE}"
