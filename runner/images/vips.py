"""libvips, which decodes an image strip by strip, as it is used here."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, BinaryIO


@cache
def _library() -> Any:
    import pyvips

    pyvips.cache_set_max(0)  # an operation that is remembered keeps its file and its pixels
    logging.getLogger("pyvips").addFilter(_collect)
    return pyvips


class VipsImage:
    """An image that libvips has opened.

    Args:
        loader: name of its operation, such as ``pngload_source``.
        file: where to read from.
        options: the operation's own.
    """

    def __init__(self, loader: str, file: BinaryIO, **options: Any) -> None:
        vips = _library()
        file.seek(0)
        self._source = vips.SourceCustom()  # it is called back for as long as the image lives, which does not keep it
        self._source.on_read(file.read)
        self._source.on_seek(file.seek)
        self.image = getattr(vips.Image, loader)(self._source, access="sequential", fail_on="error", **options)
        self._region = vips.Region.new(self.image)

    def rows(self, top: int, height: int) -> bytes:
        """The pixels of some rows; to be asked for from top to bottom. What is damaged raises ``pyvips.Error``."""
        return self._region.fetch(0, top, self.image.width, height)


_warnings = threading.local()


@contextmanager
def warnings_collected() -> Iterator[list[str]]:
    """What libvips warns of in this thread meanwhile."""
    _library()
    texts: list[str] = []
    _warnings.texts = texts
    try:
        yield texts
    finally:
        del _warnings.texts


def _collect(record: logging.LogRecord) -> bool:
    """Keep warnings out of the log: what they are about is decoded all the same, or raises."""
    getattr(_warnings, "texts", []).append(record.getMessage())
    return False
