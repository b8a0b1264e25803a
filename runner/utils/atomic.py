"""Files that are either there as a whole or not at all."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from numpy.typing import DTypeLike

from runner.errors import RunnerError
from runner.utils.leftovers import remove, temporary_name
from runner.utils.system_errors import IN_USE, reason_and_remedy
from runner.utils.text import strict_json

_PATIENCE = 5.0
"""Seconds to wait until it no longer has."""


@contextmanager
def replaced_atomically(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path``, to be written to; it takes ``path``'s place when the block ends and vanishes
    if the block fails. It has the suffix of ``path``; folders are made where needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(temporary_name(path.suffix))
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        replace_patiently(temporary, path)
    except OSError as error:
        if error.filename is None:  # a full disk or one that is gone, met by write, fsync or close
            error.filename = str(path)
        raise
    finally:
        with suppress(OSError):  # what went wrong before is what matters
            temporary.unlink(missing_ok=True)


def replace_patiently(new: Path, path: Path) -> None:
    """Rename ``new`` to ``path``, over what is there.

    A share, and Windows, refuse that while a program has ``path`` open; one that only looks at it, such as an indexer
    or a viewer, is soon done.

    Raises:
        OSError: it is not possible, or not within some seconds.
    """
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            new.replace(path)
            return
        except OSError as error:
            if error.errno not in IN_USE or not path.exists() or time.monotonic() > deadline:
                raise
        time.sleep(0.1)


def write_atomically(path: Path, content: bytes) -> None:
    """Make ``path`` hold ``content``, whatever happens meanwhile."""
    with replaced_atomically(path) as temporary:
        temporary.write_bytes(content)


def save_array(path: Path, array: np.ndarray) -> None:
    """Write a ``.npy`` file; OSError where the disk is full.

    NumPy itself writes to files past Python, and takes no notice if the last bytes do not get there.
    """
    with path.open("wb") as file:
        np.save(SimpleNamespace(write=file.write), array, allow_pickle=False)


def new_array(path: Path, shape: tuple[int, ...], kind: DTypeLike) -> np.memmap:
    """A ``.npy`` file of zeros, mapped into memory to be written to; OSError where the disk has no room for it.

    Its space is taken now: of a file with holes, a full disk would show when a page of the map is written to, as a bus
    error, which ends the process.
    """
    array = np.lib.format.open_memmap(path, mode="w+", dtype=kind, shape=shape)
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return array


@contextmanager
def temporary_folder(parent: Path) -> Iterator[Path]:
    """A folder in ``parent`` that goes with all that is in it when the block ends."""
    folder = parent / temporary_name()
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        remove(folder)


def try_writing(folder: Path) -> None:
    """Make ``folder`` and write a byte there, of which nothing stays; OSError if that is not possible."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"\0")


def sync_folder(folder: Path) -> None:
    """Have the names in ``folder`` on the disk, where the system can do that."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """A path beside ``target`` to write to, which replaces ``target`` once the block has succeeded.

    Raises:
        RunnerError: if the file system refuses (no space, no permission).
    """
    try:
        with replaced_atomically(target) as temporary:
            yield temporary
    except OSError as error:
        raise RunnerError(f"{target} could not be written: {reason_and_remedy(error)}") from error


def write_text(target: Path, text: str) -> None:
    """Write UTF-8 text with ``\\n`` line ends, atomically."""
    with atomic_path(target) as path:
        path.write_bytes(text.encode("utf-8"))


def write_json(target: Path, value: object, indent: int | None = 1) -> None:
    """Write strict JSON atomically; see :func:`strict_json`."""
    write_text(target, strict_json(value, indent) + "\n")
