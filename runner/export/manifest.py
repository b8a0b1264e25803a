"""The manifest: everything an export is going to do, on the disk before it does anything.

JSON lines: a header that counts the others, then a line for each folder, each image and each document. An undo needs
nothing else; it looks at each file to see how far things had got.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from runner.errors import RunnerError
from runner.export.config import How
from runner.export.ledger import is_known, remember
from runner.images.lookup import leads_out
from runner.utils.atomic import sync_folder
from runner.utils.text_files import MOST_BYTES_OF_A_LIST, read_bytes, shown

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
        root: folder that all originals lie in, beyond which no undo writes; None where an earlier version wrote this.
    """

    how: How
    experiment: str
    trial: str
    folders: tuple[str, ...]
    images: tuple[PlacedImage, ...]
    documents: tuple[Document, ...]
    root: str | None = None


@dataclass(frozen=True)
class FoundManifest:
    """A manifest as it was found.

    Attributes:
        manifest: None if it was not finished, so that nothing in it was begun.
        content: its bytes.
        known: whether an export of this user wrote it.
    """

    manifest: Manifest | None
    content: bytes
    known: bool


_IMAGE, _DOCUMENT = TypeAdapter(PlacedImage), TypeAdapter(Document)


def root_of(images: Sequence[PlacedImage], root: Path | None) -> str | None:
    """The folder that an export's originals lie in: that of the image set, or the deepest that holds them all."""
    if root is not None:
        return str(root.absolute())
    return os.path.commonpath([os.path.dirname(image.source) for image in images]) if images else None  # noqa: PTH120


def write_manifest(folder: Path, manifest: Manifest) -> bool:
    """Put the manifest on the disk for good, its digest before it, so that it is known from the first moment.

    Returns:
        whether it is known: not where the user's data folder can't be written.

    Raises:
        RunnerError: there is one already.
        OSError: it can't be written.
    """
    path = folder / MANIFEST
    content = "".join(f"{json.dumps(line, ensure_ascii=True)}\n" for line in _lines(manifest)).encode("ascii")
    try:
        remember(content, folder)
        known = True
    except OSError:
        known = False
    try:
        with path.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(folder)
    except FileExistsError:
        raise RunnerError(
            f"{folder} holds an export already; name another folder, "
            f"or `runner undo {folder}` to take that one back first"
        ) from None
    return known


def undo_command(folder: Path, known: bool) -> str:
    """What to type to undo an export."""
    return f"runner undo {folder}" if known else f"runner undo {folder} --trust"


def read_manifest(folder: Path) -> FoundManifest:
    """The manifest in ``folder``.

    Raises:
        RunnerError: there is none, or it is damaged or says to touch what is not the export's.
    """
    path = folder / MANIFEST
    if not os.path.lexists(path):
        raise RunnerError(f"{folder} holds no export: it has no {MANIFEST}")
    if not stat.S_ISREG(path.lstat().st_mode):
        raise RunnerError(f"{folder} holds no export: its {MANIFEST} is no regular file")
    content = read_bytes(path, "the manifest", at_most=MOST_BYTES_OF_A_LIST)
    try:
        records = list(_records(content.decode("ascii").splitlines()))
        if not records or len(records) != records[0].get("lines", 0) + 1:
            return FoundManifest(None, content, is_known(content))
        return FoundManifest(_manifest(records), content, is_known(content))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise RunnerError(f"{path} is damaged or of another version: {shown(error)}") from error


def _lines(manifest: Manifest) -> Iterator[dict[str, Any]]:
    yield {
        "kind": KIND,
        "version": VERSION,
        "lines": len(manifest.folders) + len(manifest.images) + len(manifest.documents),
        "how": manifest.how.value,
        "experiment": manifest.experiment,
        "trial": manifest.trial,
        "root": manifest.root,
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
            record = json.loads(line)
        except (RecursionError, ValueError):
            return
        if not isinstance(record, dict):
            return
        yield record


def _manifest(records: list[dict[str, Any]]) -> Manifest:
    header, *rest = records
    if header["kind"] != KIND or header["version"] != VERSION:
        raise ValueError(f"kind {header['kind']!r}, version {header['version']!r}")
    manifest = Manifest(
        How(header["how"]),
        header["experiment"],
        header["trial"],
        tuple(record["folder"] for record in rest if "folder" in record),
        tuple(_IMAGE.validate_python(record["image"]) for record in rest if "image" in record),
        tuple(_DOCUMENT.validate_python(record["document"]) for record in rest if "document" in record),
        header.get("root"),
    )
    placed = [image.target for image in manifest.images]
    for target in (*manifest.folders, *placed, *(document.target for document in manifest.documents)):
        if leads_out(target) or set(target) & {"\\", "\0"}:
            raise ValueError(f"{target!r} leads out of the export's folder")
    for image in manifest.images:
        _check_source(manifest, Path(image.source))
    return manifest


def _check_source(manifest: Manifest, source: Path) -> None:
    if not source.is_absolute() or ".." in source.parts or "\0" in str(source):
        raise ValueError(f"the source {str(source)!r} is not an absolute path")
    if manifest.how is How.MOVE and manifest.root is not None and not source.is_relative_to(manifest.root):
        raise ValueError(f"the source {str(source)!r} lies outside of {manifest.root}, where all originals were")
