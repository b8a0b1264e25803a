"""Names of folders and files that every file system takes, and that never collide."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

MOST_BYTES = 180
"""Bytes of a name; file systems take 255, and a number may still be added."""

_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def safe_name(name: str) -> str:
    """``name`` as one component of a path on any system: no separators, control characters, or names of devices.

    >>> safe_name("birds / gulls"), safe_name(".."), safe_name("con.txt"), safe_name("")
    ('birds _ gulls', '_', '_con.txt', '_')
    """
    text = unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode("utf-8"))
    text = _FORBIDDEN.sub("_", text).strip().rstrip(". ")
    if _DEVICES.fullmatch(text) or text.startswith((".", "-")):
        text = f"_{text.lstrip('.')}"
    stem, dot, suffix = text.rpartition(".")
    if not dot or len(suffix) > 10:
        stem, suffix = text, ""
    room = MOST_BYTES - len(f"{dot}{suffix}".encode()) if suffix else MOST_BYTES
    stem = stem.encode()[:room].decode("utf-8", "ignore")
    return (f"{stem}.{suffix}" if suffix else stem) or "_"


def distinct_names(names: Sequence[str], *, by_stem: bool = False, taken: Sequence[str] = ()) -> list[str]:
    """The names, with ``-2``, ``-3`` … added where an earlier one is the same; upper and lower case are the same.

    Args:
        names: safe names.
        by_stem: whether names that only differ in their suffix count as the same.
        taken: names that none may have.

    >>> distinct_names(["a.jpg", "A.jpg", "a.png", "a-2.jpg"])
    ['a.jpg', 'A-3.jpg', 'a.png', 'a-2.jpg']
    >>> distinct_names(["a.jpg", "a.png"], by_stem=True)
    ['a.jpg', 'a-2.png']
    """

    def key(name: str) -> str:
        return unicodedata.normalize("NFC", Path(name).stem if by_stem else name).casefold()

    owned = {key(name) for name in (*taken, *names)}
    seen = {key(name) for name in taken}
    numbers: dict[str, int] = {}
    distinct = []
    for name in names:
        candidate = name
        while key(candidate) in seen or (candidate != name and key(candidate) in owned):
            numbers[key(name)] = numbers.get(key(name), 1) + 1
            candidate = f"{Path(name).stem}-{numbers[key(name)]}{Path(name).suffix}"
        seen.add(key(candidate))
        distinct.append(candidate)
    return distinct


def file_names(ids: Sequence[str], *, by_stem: bool = False) -> list[str]:
    """A distinct file name for each image of one folder: its own, and where several have the same, with their folders.

    Args:
        ids: paths with ``/`` between their parts.
        by_stem: as for ``distinct_names``.

    >>> file_names(["may/1.jpg", "june/1.jpg", "june/2.jpg"])
    ['may_1.jpg', 'june_1.jpg', '2.jpg']
    """
    own = [safe_name(each.rsplit("/", 1)[-1]) for each in ids]
    counts = Counter(name.casefold() for name in own)
    unlike = [
        name if counts[name.casefold()] == 1 else safe_name(each.strip("/").replace("/", "_"))
        for name, each in zip(own, ids, strict=True)
    ]
    return distinct_names(unlike, by_stem=by_stem)
