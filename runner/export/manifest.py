"""The manifest: everything an export is going to do, on the disk before it does anything.

JSON lines: a header that counts the others, then a line for each folder, each image and each document. An undo needs
nothing else; it looks at each file to see how far things had got.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from runner.errors import RunnerError
from runner.export.settings import How

MANIFEST = "manifest.jsonl"
UNDONE = "manifest-undone.jsonl"
"""What the manifest is called once everything in it was undone."""

KIND = "imagesweep export"
VERSION = 1


@dataclass(frozen=True)
class PlacedImage:
    """An image that gets a place in the export.

    Attributes:
        source: absolute path of the original.
        target: its place, relative to the export's folder, with ``/``.
        size: bytes of the original; none of a link.
        mtime_ns: its time of change.
        mode: its permissions.
        link: what the original says, if it is a link that is moved itself; None for files.
    """

    source: str
    target: str
    size: int
    mtime_ns: int
    mode: int
    link: str | None = None

    @classmethod
    def of(cls, source: Path, target: str) -> PlacedImage:
        """The file at an absolute path as it is now, with its place; OSError where it can't be looked at."""
        status = source.stat()
        return cls(os.fspath(source), target, status.st_size, status.st_mtime_ns, stat.S_IMODE(status.st_mode))

    @classmethod
    def of_name(cls, source: Path, target: str) -> PlacedImage:
        """The same of what has that name itself: where it is a link, of the link and not of its file."""
        if not source.is_symlink():
            return cls.of(source, target)
        status = source.lstat()
        mode = stat.S_IMODE(status.st_mode)
        return cls(os.fspath(source), target, 0, status.st_mtime_ns, mode, os.fspath(source.readlink()))


@dataclass(frozen=True)
class Document:
    """A file that the export makes: its place, as above, its size and the hash of its content."""

    target: str
    size: int
    digest: str


@dataclass(frozen=True)
class Manifest:
    """What an export does.

    Attributes:
        how: how images get to their places.
        experiment: fingerprint of the experiment.
        trial: id of the trial.
        folders: folders to make, each after its parent, relative to the export's folder.
        images: images to place.
        documents: files to write.
    """

    how: How
    experiment: str
    trial: str
    folders: tuple[str, ...]
    images: tuple[PlacedImage, ...]
    documents: tuple[Document, ...]


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Put the manifest on the disk for good.

    Raises:
        RunnerError: there is one already, or it can't be written.
    """
    path = folder / MANIFEST
    text = "".join(f"{json.dumps(line, ensure_ascii=True)}\n" for line in _lines(manifest))
    try:
        with path.open("x", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(folder)
    except FileExistsError:
        raise RunnerError(
            f"{folder} holds an export already; `runner undo {folder}` first, or name another folder"
        ) from None


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest in ``folder``; None if it was not finished, so that nothing in it was begun.

    Raises:
        RunnerError: there is none, or it is damaged or says to touch what is not the export's.
    """
    path = folder / MANIFEST
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        raise RunnerError(f"{folder} holds no export: it has no {MANIFEST}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RunnerError(f"{path} can't be read: {error}") from error
    records = list(_records(lines))
    if not records or len(records) != records[0].get("lines", 0) + 1:
        return None
    try:
        return _manifest(records)
    except (KeyError, TypeError, ValueError) as error:
        raise RunnerError(f"{path} is damaged or of another version: {error}") from error


def sync_folder(folder: Path) -> None:
    """Have the names in ``folder`` on the disk, where the system can do that."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _lines(manifest: Manifest) -> Iterator[dict[str, Any]]:
    yield {
        "kind": KIND,
        "version": VERSION,
        "lines": len(manifest.folders) + len(manifest.images) + len(manifest.documents),
        "how": manifest.how.value,
        "experiment": manifest.experiment,
        "trial": manifest.trial,
    }
    for folder in manifest.folders:
        yield {"folder": folder}
    for image in manifest.images:
        yield {"image": asdict(image)}
    for document in manifest.documents:
        yield {"document": asdict(document)}


def _records(lines: list[str]) -> Iterator[dict[str, Any]]:
    """The lines up to the first that is torn."""
    for line in lines:
        try:
            yield json.loads(line)
        except ValueError:
            return


def _manifest(records: list[dict[str, Any]]) -> Manifest:
    header, *rest = records
    if header["kind"] != KIND or header["version"] != VERSION:
        raise ValueError(f"kind {header['kind']!r}, version {header['version']!r}")
    manifest = Manifest(
        How(header["how"]),
        header["experiment"],
        header["trial"],
        tuple(record["folder"] for record in rest if "folder" in record),
        tuple(PlacedImage(**record["image"]) for record in rest if "image" in record),
        tuple(Document(**record["document"]) for record in rest if "document" in record),
    )
    images = [image.target for image in manifest.images]
    for target in (*manifest.folders, *images, *(document.target for document in manifest.documents)):
        if PurePosixPath(target).is_absolute() or ".." in PurePosixPath(target).parts:
            raise ValueError(f"{target!r} leads out of the export's folder")
    for image in manifest.images:
        if not Path(image.source).is_absolute():
            raise ValueError(f"the source {image.source!r} is not an absolute path")
    return manifest
