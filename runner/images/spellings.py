"""Files that are there under a name that differs from the given one in its Unicode normalisation alone.

What people type is composed (``é`` is one character), names on a Mac's disk are decomposed (``e`` and an accent), and
most file systems take the two for different names.
"""

from __future__ import annotations

import os
import unicodedata
from contextlib import suppress
from pathlib import Path


class SpellingsOnDisk:
    """Finds paths as they are on the disk; each folder is listed once, however many names are looked for there."""

    def __init__(self) -> None:
        self._names: dict[Path, dict[str, str | None]] = {}

    def find(self, path: Path) -> Path:
        """``path`` as it is on the disk.

        Args:
            path: of a file or folder; a relative one starts from the working folder.

        Returns:
            ``path`` itself where it is there, or where nothing is, or where its folder holds several files that differ
            from it in their normalisation alone; else the one that does.
        """
        if os.fspath(path).isascii() or os.path.lexists(path):
            return path
        found = Path(path.anchor)
        for part in path.parts[1:] if path.anchor else path.parts:
            if part != ".." and not os.path.lexists(found / part):
                own = self._names_in(found).get(composed(part))
                if own is None:
                    return path
                part = own
            found /= part
        return found

    def _names_in(self, folder: Path) -> dict[str, str | None]:
        """The names in a folder by their composed form, None where several have the same; none if it can't be read."""
        if folder not in self._names:
            names = self._names[folder] = {}
            with suppress(OSError):
                for name in os.listdir(folder):  # noqa: PTH208 - "" is the working folder
                    names[composed(name)] = None if composed(name) in names else name
        return self._names[folder]


def existing_spelling(path: Path) -> Path:
    """One path as it is on the disk, see ``SpellingsOnDisk.find``."""
    return SpellingsOnDisk().find(path)


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
