"""Small versions of the photographs, each decoded once for all sheets of a run."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from PIL import Image

from runner.errors import RunnerError

PIXELATED_BELOW = 48
"""Images with no side longer than this are enlarged with visible pixels: smoothing would blur them away."""


class Thumbnails:
    """Thumbnails of the images of one run, by row, kept in memory as JPEG (a few kilobytes each).

    A file that has gone or cannot be read any more has no thumbnail; ``unreadable`` says why.

    Args:
        paths: file of each row.
        side: the longer side of a thumbnail, in pixels.
        workers: decoding threads.
    """

    def __init__(self, paths: tuple[Path, ...], side: int = 176, workers: int = 2) -> None:
        self._paths = paths
        self._side = side
        self._workers = workers
        self._encoded: dict[int, bytes] = {}
        self.unreadable: dict[int, str] = {}

    def load(self, rows: Iterable[int], on_done: Callable[[], object] = lambda: None) -> None:
        """Decode what is not yet there, in threads; ``on_done`` is called for each image of ``rows``."""
        wanted = dict.fromkeys(int(row) for row in rows)
        missing = [row for row in wanted if row not in self._encoded and row not in self.unreadable]
        for _ in range(len(wanted) - len(missing)):
            on_done()
        with ThreadPoolExecutor(self._workers) as pool:
            for finished in as_completed([pool.submit(self._decode, row) for row in missing]):
                finished.result()
                on_done()

    def image(self, row: int) -> Image.Image | None:
        """The thumbnail in RGB, or None if the file cannot be read."""
        if row not in self._encoded and row not in self.unreadable:
            self._decode(row)
        encoded = self._encoded.get(row)
        return None if encoded is None else Image.open(io.BytesIO(encoded)).convert("RGB")

    def data_uri(self, row: int, side: int) -> str | None:
        """The thumbnail at a smaller size, for a web page; None if the file cannot be read."""
        image = self.image(row)
        return None if image is None else jpeg_data_uri(_fitted(image, side), quality=72)

    def _decode(self, row: int) -> None:
        from runner.images.decode import decode_image

        try:
            image = decode_image(self._paths[row], at_least=self._side)
        except (RunnerError, OSError) as error:
            self.unreadable[row] = str(error)
            return
        buffer = io.BytesIO()
        _fitted(image, self._side).save(buffer, "JPEG", quality=92)
        self._encoded[row] = buffer.getvalue()


def jpeg_data_uri(image: Image.Image, quality: int) -> str:
    """An image as a ``data:`` URI."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _fitted(image: Image.Image, side: int) -> Image.Image:
    """``image`` in RGB, its longer side brought to ``side`` pixels."""
    longest = max(image.size)
    size = tuple(max(1, round(length * side / longest)) for length in image.size)
    method = Image.Resampling.LANCZOS if longest >= side else Image.Resampling.BICUBIC
    if longest <= PIXELATED_BELOW:
        method = Image.Resampling.NEAREST
    return image.convert("RGB").resize((size[0], size[1]), method)
