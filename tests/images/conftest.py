"""What the tests of decoding share: files made from images or bytes, and PNGs made by hand."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """``save(name, image_or_bytes, **options)`` writes a file and returns its path."""

    def write(name: str, content: Image.Image | bytes, **options: Any) -> Path:
        path = tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            content.save(path, **options)
        return path

    return write


@pytest.fixture(scope="session")
def png() -> Callable[..., bytes]:
    """``png(width, height, depth, color_type, rows, **chunks)`` makes a PNG by hand.

    Color types: 0 gray, 2 RGB, 3 palette, 4 gray + alpha, 6 RGBA. ``rows`` are zlib-compressed with their filter bytes.
    """

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    def assemble(width: int, height: int, depth: int, color_type: int, rows: bytes, **chunks: bytes) -> bytes:
        header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, 0))
        extra = b"".join(chunk(kind.encode(), body) for kind, body in chunks.items())
        return b"\x89PNG\r\n\x1a\n" + header + extra + chunk(b"IDAT", rows) + chunk(b"IEND", b"")

    return assemble
