"""Which manifests are this user's own: their digests, in the user's data folder.

A manifest says which files an undo brings where, and anyone can write one. Only those that an export of this user wrote
are followed without a question, wherever their folder has been moved to.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from platformdirs import user_data_path

from runner.utils.atomic import sync_folder


def ledger_folder() -> Path:
    """Where the digests are: a file for each export that was not undone yet, which names the export's folder."""
    return user_data_path("imagesweep", appauthor=False) / "exports"


def remember(manifest: bytes, folder: Path) -> None:
    """Have the digest on the disk, before the manifest is; OSError if that is not possible.

    Args:
        manifest: its whole content.
        folder: the export's folder.
    """
    entry = _entry(manifest)
    entry.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with entry.open("wb") as file:
        file.write(os.fsencode(folder.absolute()) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    sync_folder(entry.parent)


def is_known(manifest: bytes) -> bool:
    """Whether an export of this user wrote the manifest."""
    return _entry(manifest).is_file()


def forget(manifest: bytes) -> None:
    """Take the digest away, as everything was undone: the same manifest, put anywhere again, is a stranger's."""
    with suppress(OSError):  # a folder that can't be written holds no digest of ours, and files are undone by now
        _entry(manifest).unlink(missing_ok=True)


def _entry(manifest: bytes) -> Path:
    return ledger_folder() / hashlib.sha256(manifest).hexdigest()
