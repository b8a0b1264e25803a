"""Camera RAW: the picture that the camera put into the file for looking at, by LibRaw, which the extra ``raw`` brings.

What the sensor measured is not developed: that takes seconds a file, and shows nothing else to a model at its size.
"""

from __future__ import annotations

from dataclasses import dataclass

_ORIENTATIONS = {0: 1, 3: 3, 5: 8, 6: 6}
"""EXIF's numbers by LibRaw's."""


@dataclass(frozen=True)
class Preview:
    """An embedded picture.

    Attributes:
        jpeg: a whole JPEG file.
        orientation: what makes the photograph upright, as EXIF counts; where the JPEG says so itself, that counts.
    """

    jpeg: bytes
    orientation: int


def read_preview(path: str) -> Preview:
    """The largest embedded JPEG of a camera's RAW file.

    Raises:
        ValueError: there is none; the text says so.
        rawpy.LibRawError: the file is damaged, or none that LibRaw knows.
    """
    import rawpy

    with rawpy.imread(path) as raw:
        try:
            thumbnail = raw.extract_thumb()
        except (rawpy.LibRawNoThumbnailError, rawpy.LibRawUnsupportedThumbnailError):
            thumbnail = None
        if thumbnail is None or thumbnail.format is not rawpy.ThumbFormat.JPEG:
            raise ValueError("it holds no JPEG to look at; develop it and save it as JPEG or TIFF")
        return Preview(bytes(thumbnail.data), _ORIENTATIONS.get(raw.sizes.flip, 1))
