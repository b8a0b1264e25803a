"""Decoding in threads: each image once, for all the models that wait for it."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from runner.embed.hashed_images import HashedFile
from runner.embed.preprocess import View
from runner.images.decode import UnreadableImageError, decode_image

DECODED_FOR = 336
"""Shortest side, in pixels, that large JPEGs are decoded for; at least twice as many pixels are left. Measured on a
photograph of 12 megapixels, what a model sees then differs by 0.4 to 0.8 of 255 (root mean square) at 224 to 512 px.

It is the same for all resolutions, as otherwise a vector would depend on which other models are run, or an image would
have to be decoded for each."""

REDUCED_UP_TO = 512
"""Largest resolution, in pixels, that is served so; larger ones get a decode of their own, at full scale."""

Views = dict[View, np.ndarray]


@dataclass(frozen=True)
class ReadingJob:
    """An image to be read: its content hash, a file that has this content, and what is wanted of it."""

    content_hash: str
    file: HashedFile
    views: Collection[View]


class ImageReader:
    """Reads images in ``workers`` threads, ``look_ahead`` images ahead at most; Pillow works outside Python's lock."""

    def __init__(self, workers: int, look_ahead: int) -> None:
        self._workers = workers
        self._look_ahead = look_ahead

    def read(self, jobs: Iterable[ReadingJob]) -> Generator[tuple[ReadingJob, Views | UnreadableImageError]]:
        """Each job with the views it asked for, or why the image can't be used; in their order."""
        waiting: deque[tuple[ReadingJob, Future[Views]]] = deque()
        remaining = iter(jobs)
        pool = ThreadPoolExecutor(self._workers, thread_name_prefix="image-reader")
        try:
            while True:
                while len(waiting) < self._look_ahead and (job := next(remaining, None)) is not None:
                    waiting.append((job, pool.submit(read_views, job)))
                if not waiting:
                    return
                job, future = waiting.popleft()
                try:
                    views = future.result()
                except UnreadableImageError as error:
                    yield job, error
                else:
                    yield job, views
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def read_views(job: ReadingJob) -> Views:
    """Decode the image of ``job`` and fit it into every view that is wanted.

    Raises:
        UnreadableImageError: it can't be decoded, or has changed since it was hashed.
    """
    small = [view for view in job.views if view.resolution <= REDUCED_UP_TO]
    large = [view for view in job.views if view.resolution > REDUCED_UP_TO]
    views: Views = {}
    if small:
        image = decode_image(job.file.path, at_least=DECODED_FOR)
        views |= {view: view.of(image) for view in small}
    if large:
        image = decode_image(job.file.path)
        views |= {view: view.of(image) for view in large}
    if not job.file.is_unchanged():
        raise UnreadableImageError("changed while it was being read")
    return views
