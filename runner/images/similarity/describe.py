"""Descriptions of many image files."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from runner.images.decode import UnreadableImageError, decode_image
from runner.images.similarity.base import Description, Measure
from runner.utils.progress import progress_bar

_THREADS = 4


def describe_files(paths: Sequence[Path], measures: Sequence[Measure]) -> list[tuple[Description, ...] | str]:
    """Decode each file once and describe it for all ``measures``; or why it can't be read."""

    def described(path: Path) -> tuple[Description, ...] | str:
        try:
            image = decode_image(path, at_least=max(measure.side for measure in measures))
        except UnreadableImageError as error:
            return error.reason
        return tuple(measure.describe(image) for measure in measures)

    name = ", ".join(measure.name for measure in measures)
    with (
        ThreadPoolExecutor(_THREADS) as pool,
        progress_bar(len(paths), f"looking at images for {name}", "image") as bar,
    ):
        found = []
        for outcome in pool.map(described, paths):
            found.append(outcome)
            bar.update()
        return found
