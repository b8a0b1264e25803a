"""Which files are decoded to other pixels than by an earlier version, so that what is kept of them is made anew.

What is kept of an image is found by its content hash. A revision that is mixed into the hash of the files it concerns
makes them new ones, and leaves all others as they are.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from runner.images.kinds import HEAD_SIZE, Kind, kind_of
from runner.images.limits import FULL_PIXELS, LARGE_PIXELS, LARGE_WEBP_PIXELS
from runner.images.open_image import OpenedImage, UnreadableImageError, opened
from runner.images.png import Png
from runner.images.tiff import TiffPage, TiffReader

CURRENT = 1
"""The latest revision there is. Raise it with each change of pixels, and say in ``revision_of`` of which files."""


def revision_of(path: Path) -> int:
    """The revision that first gave the file's present pixels, told by its header; 0 where they were always the same.

    A file that is damaged or no image is of revision 0: it gives no pixels. OSError where it can't be read.
    """
    with path.open("rb") as file:
        kind = kind_of(file.read(HEAD_SIZE), path.name)
    if kind is Kind.RAW:  # most are TIFFs by their bytes, and gave their first page: a small picture, or one of many
        return 1
    if kind not in _ALWAYS_READ:
        return 0
    try:
        with opened(path) as image:
            return int(_is_large(image) or _is_read_otherwise(image))
    except UnreadableImageError as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno is not None:  # the disk's, not a decoder's
            raise error.__cause__ from error
        return 0


_ALWAYS_READ = (Kind.JPEG, Kind.PNG, Kind.GIF, Kind.BMP, Kind.TIFF, Kind.WEBP)
"""Kinds that were read before revision 1; all others have had their present pixels since they are read."""


_AS_BEFORE = {Kind.WEBP: LARGE_WEBP_PIXELS, Kind.TIFF: LARGE_PIXELS}
"""Up to how many pixels an image is read as it was before revision 1, where that is less than for all others."""


def _is_large(image: OpenedImage) -> bool:
    """Whether it is of a size that revision 1 may reduce in another way, or read by another library."""
    return image.size[0] * image.size[1] > _AS_BEFORE.get(image.kind, FULL_PIXELS)


def _is_read_otherwise(image: OpenedImage) -> bool:
    """Whether revision 1 gives the pixels that the specification asks for, and earlier ones did not."""
    match image.details:
        case Png() as png:
            return png.is_beyond_pillow
        case TiffPage() as page:
            try:
                return page.reader() is not TiffReader.PILLOW or page.index > 0
            except ValueError:  # it isn't read any more
                return False
    return False


def revised(content_hash: str, revision: int) -> str:
    """The hash of a file's bytes with its revision mixed in; as it is for revision 0."""
    if revision == 0:
        return content_hash
    mixed = f"{content_hash} decoder revision {revision}".encode()
    return hashlib.blake2b(mixed, digest_size=len(content_hash) // 2).hexdigest()
