"""A list of image files: lines of text, a CSV file or a JSON list, from a file or from standard input."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.errors import RunnerError
from runner.images.spellings import SpellingsOnDisk, existing_spelling, is_possible, spellings
from runner.utils.table_files import read_table
from runner.utils.text_files import MOST_BYTES_OF_A_LIST, decode_text, parse_json, read_bytes, shown

STDIN = Path("-")
"""Stands for standard input."""

COLUMNS = ("path", "filepath", "file", "filename", "image")
"""Titles of the column with the files, and keys in a JSON list of objects; the first that is there counts."""


@dataclass(frozen=True)
class ImageList:
    """The names in a list of files.

    Attributes:
        where: the list is, for people.
        base: the folder that relative names start from: that of the list, or for standard input the working folder.
        names: as they are written, in their order.
    """

    where: str
    base: Path
    names: tuple[str, ...]

    @property
    def absolute_names(self) -> tuple[str, ...]:
        """The same names, good from any folder."""
        return tuple(os.path.join(self.base, name) for name in self.names)  # noqa: PTH118 - a name may hold a NUL


@dataclass(frozen=True)
class ListedFile:
    """A file that a list names.

    Attributes:
        path: absolute, links in its folder resolved; a link itself stays a name of its own.
        is_outside: whether its name is absolute or holds ``..``, so that it may lie anywhere.
    """

    path: Path
    is_outside: bool


def read_image_list(path: Path) -> ImageList:
    """The names in a list.

    Its ending says how it is written; without a telling one, what begins with ``[`` or ``{`` is JSON, what has one of
    ``COLUMNS`` in its first row is CSV, and all else is text with a name per line, or with a NUL after each as from
    ``find -print0``. Empty lines and those that begin with ``#`` are left out.

    Args:
        path: of the list, or ``STDIN``.

    Raises:
        RunnerError: it can't be read, breaks its form, or holds no name.
    """
    if path == STDIN:
        where, base, content = "the list on standard input", Path.cwd(), _standard_input()
    else:
        path = existing_spelling(path.expanduser()).absolute()
        where, base = f"the list {shown(path)}", path.parent
        content = read_bytes(path, "the list", at_most=MOST_BYTES_OF_A_LIST)
    names = tuple(_names(decode_text(content, where), path.suffix.lower(), where))
    if not names:
        raise RunnerError(f"{where} names no file; write one on each line")
    return ImageList(where, base, names)


def find_listed(listed: ImageList) -> Iterator[tuple[str, ListedFile | str]]:
    """Each name of a list with its file, or with what is wrong with it in words that follow the name."""
    on_disk, real_folders = SpellingsOnDisk(), dict[str, str]()
    for name in listed.names:
        yield name, _find(name, listed.base, on_disk, real_folders)


def files_outside(path: Path) -> frozenset[Path]:
    """The files that a list names by an absolute name or by way of ``..``; errors as for ``read_image_list``."""
    found = [file for _, file in find_listed(read_image_list(path)) if isinstance(file, ListedFile)]
    return frozenset(file.path for file in found if file.is_outside)


def _find(name: str, base: Path, on_disk: SpellingsOnDisk, real_folders: dict[str, str]) -> ListedFile | str:
    if not is_possible(name):
        return "is no name that a file can have"
    problem = ""
    for spelling in spellings(name):
        if not spelling:
            continue
        path = on_disk.find(base / spelling)
        try:
            status = path.stat()
        except OSError as error:
            problem = problem or f"can't be found: {error.strerror or error}"
            continue
        if not stat.S_ISREG(status.st_mode):
            return "is a folder; folders are given with --images" if stat.S_ISDIR(status.st_mode) else "is no file"
        folder = os.path.dirname(path)  # noqa: PTH120 - one text for each folder, as the key
        real = real_folders.get(folder) or real_folders.setdefault(folder, os.path.realpath(folder))
        is_outside = os.path.isabs(spelling) or ".." in Path(spelling).parts  # noqa: PTH117
        return ListedFile(Path(real, path.name), is_outside)
    return problem or "is empty"


def _standard_input() -> bytes:
    if sys.stdin is None:
        raise RunnerError("there is no standard input to read a list of images from; name a file with --images-from")
    content = sys.stdin.buffer.read(MOST_BYTES_OF_A_LIST + 1)
    if len(content) > MOST_BYTES_OF_A_LIST:
        raise RunnerError(f"the list on standard input is larger than {MOST_BYTES_OF_A_LIST >> 20:,} MB")
    return content


def _names(text: str, suffix: str, where: str) -> Iterator[str]:
    if suffix == ".json" or (suffix not in (".csv", ".tsv", ".txt") and text.lstrip().startswith(("[", "{"))):
        return _json_names(parse_json(text, where), where)
    if "\0" in text:
        return (name for name in text.split("\0") if name)
    if suffix in (".csv", ".tsv") or (suffix != ".txt" and _column(read_table(text, where).titles) is not None):
        return _csv_names(text, where)
    return _lines(text)


def _lines(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        name = line.removesuffix("\r")
        if name.strip() and not name.startswith("#"):
            yield name


def _csv_names(text: str, where: str) -> Iterator[str]:
    table = read_table(text, where)
    place = _column(table.titles)
    if place is None and len(table.titles) > 1:
        raise RunnerError(f"{where} has no column {', '.join(COLUMNS)}; its first row must hold the titles")
    if place is None:
        yield from _lines(text)
        return
    for _, cells in table.rows:
        if place < len(cells) and cells[place].strip():
            yield cells[place]


def _column(titles: Sequence[str]) -> int | None:
    return next((titles.index(column) for column in COLUMNS if column in titles), None)


def _json_names(value: Any, where: str) -> Iterator[str]:
    if isinstance(value, dict):  # the list is often inside, beside what else is known of it
        lists = [part for part in value.values() if isinstance(part, list)]
        value = lists[0] if len(lists) == 1 else value
    if not isinstance(value, list):
        raise RunnerError(
            f"{where} must be a JSON list of file names, or of objects with one under {' or '.join(COLUMNS)}"
        )
    for number, entry in enumerate(value):
        if isinstance(entry, dict):
            by_title = {title.strip().lower(): part for title, part in entry.items()}
            entry = next((by_title[column] for column in COLUMNS if column in by_title), None)
        if not isinstance(entry, str) or not entry:
            raise RunnerError(f"{where}: entry {number} holds no file name; write one, or an object with {COLUMNS[0]}")
        yield entry
