"""When images were taken, by their own account: EXIF DateTimeOriginal, with SubSecTimeOriginal where it is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from PIL import ExifTags

from runner.images.open_image import UnreadableImageError, exif_tags
from runner.utils.progress import progress_bar

_THREADS = 4


def capture_times(paths: Sequence[Path]) -> np.ndarray:
    """Seconds since 1970 by the camera's clock, whatever its zone: float64, shape (n,).

    nan where a file has no time, or none that can be read. The time of the file itself is never taken in its place:
    copying changes it.
    """
    with ThreadPoolExecutor(_THREADS) as pool, progress_bar(len(paths), "capture times", "image") as bar:
        times = []
        for seconds in pool.map(_capture_time, paths):
            times.append(seconds)
            bar.update()
        return np.array(times, dtype=np.float64)


def _capture_time(path: Path) -> float:
    exif = _exif(path)
    try:
        moment = datetime.strptime(_text(exif[ExifTags.Base.DateTimeOriginal]), "%Y:%m:%d %H:%M:%S")
    except (KeyError, ValueError):  # no time, or none that is one
        return float("nan")
    fraction = _text(exif.get(ExifTags.Base.SubsecTimeOriginal, ""))
    return moment.replace(tzinfo=UTC).timestamp() + (float(f"0.{fraction}") if fraction.isdecimal() else 0.0)


def _exif(path: Path) -> Mapping[int, object]:
    """The file's EXIF tags; none where it can't be read, which the search itself tells by name."""
    try:
        return exif_tags(path)
    except UnreadableImageError:
        return {}


def _text(value: object) -> str:
    """The tag's text; some cameras fill it up with zeros or spaces, some write bytes."""
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
    return text.strip("\0 ")
