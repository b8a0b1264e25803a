"""Files that are there under a name that differs from the given one in its Unicode normalisation alone.

What people type is composed (``é`` is one character), names on a Mac's disk are decomposed (``e`` and an accent), and
most file systems take the two for different names.
"""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path


def existing_spelling(path: Path) -> Path:
    """``path`` as it is on the disk.

    Args:
        path: of a file or folder; a relative one starts from the working folder.

    Returns:
        ``path`` itself where it is there, or where nothing is, or where its folder holds several files that differ from
        it in their normalisation alone; else the one that does.
    """
    if os.fspath(path).isascii() or os.path.lexists(path):
        return path
    found = Path(path.anchor)
    for part in path.parts[1:] if path.anchor else path.parts:
        if part != ".." and not os.path.lexists(found / part):
            try:
                twins = [name for name in os.listdir(found) if composed(name) == composed(part)]  # noqa: PTH208
            except OSError:
                return path
            if len(twins) != 1:
                return path
            part = twins[0]
        found /= part
    return found


def composed(name: str) -> str:
    """One spelling for all names that differ in their Unicode normalisation alone."""
    return unicodedata.normalize("NFC", name)


def spellings(name: str) -> tuple[str, ...]:
    """A name as it is written, and as another program may have meant it: slashes for backslashes, no spaces around."""
    slashed = name.replace("\\", "/")
    return tuple(dict.fromkeys((name, name.strip(), slashed, slashed.strip())))


def is_possible(name: str) -> bool:
    """Whether a file can have that name: not with a NUL or halves of characters, which JSON and YAML can spell."""
    try:
        return "\0" not in name and bool(os.fsencode(name))
    except UnicodeEncodeError:
        return False
