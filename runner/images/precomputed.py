"""Ready-made embeddings as an image set."""

from __future__ import annotations

import os
import stat
import tokenize
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from runner.errors import RunnerError, UsageError
from runner.images.image_set import ImageSet
from runner.images.lookup import folder_labels
from runner.images.spellings import SpellingsOnDisk
from runner.utils.examine import is_file
from runner.utils.text_files import MOST_BYTES_OF_A_LIST, read_json, shown

_PATHS_NAMES = ("paths.json", "image_paths.json")
_VALUES_PER_BLOCK = 16_000_000
_NAMED_AT_MOST = 5
_ARCHIVE = b"PK\x03\x04"
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
"""Readers of numpy's headers by the format's version; the third is for names of fields, which vectors have none of."""

_BAD_HEADER = (
    *(OSError, ValueError, EOFError, TypeError, AttributeError, OverflowError, MemoryError, RecursionError),
    *(SyntaxError, tokenize.TokenError),
)
"""What numpy raises where a header, which is read as Python's own notation, is none."""


@dataclass(frozen=True)
class PrecomputedEmbeddings:
    """Vectors that someone else computed, checked, and the images they belong to.

    Attributes:
        images: one image per row; ``images.paths`` is empty unless every image file is there.
        vectors_path: the ``.npy`` file, shape (n_images, dimension), float16, float32 or float64, as it was found:
            not normalised, but every row has a finite length above zero in float32.
        paths_path: the JSON file that the ids came from; None where the ids are row numbers.
        missing_files: how many of the images in ``paths_path`` have no file.
    """

    images: ImageSet
    vectors_path: Path
    paths_path: Path | None = None
    missing_files: int = 0


def load_precomputed(embeddings: Path, paths: Path | None = None, *, labels: bool = False) -> PrecomputedEmbeddings:
    """Check ready-made vectors and find out which images they belong to.

    Args:
        embeddings: a ``.npy`` file, or a folder that holds ``embeddings.npy`` or one such file.
        paths: JSON list with one image path per row, relative to its own folder or absolute. Without it, a file
            beside the vectors is taken: ``paths.json``, ``image_paths.json`` or one named like the vectors; with
            none of these, images are called ``row 0000000`` and so on.
        labels: whether the folder of each image is its reference label.

    Raises:
        RunnerError: a file is missing or malformed, a vector can't be normalised, or the counts differ.
        UsageError: labels are asked for and there are no paths to take them from.
    """
    vectors_path = _vectors_file(embeddings)
    vectors = _open_vectors(vectors_path)
    _require_directions(vectors_path, vectors)
    paths_path = paths.expanduser() if paths is not None else _paths_file_beside(vectors_path)
    if paths_path is None:
        if labels:
            raise UsageError(f"labels from folders need image paths; give a JSON list for {vectors_path} with --paths")
        rows = ImageSet(ids=tuple(f"row {row:07d}" for row in range(len(vectors))), paths=())
        return PrecomputedEmbeddings(rows, vectors_path)
    ids = _read_paths(paths_path)
    if len(ids) != len(vectors):
        raise RunnerError(
            f"{paths_path} names {len(ids)} images, but {vectors_path} holds {len(vectors)} vectors; "
            "both must come from the same run"
        )
    folder = paths_path.parent.resolve()  # the list itself may be a link to where a store keeps it
    on_disk = SpellingsOnDisk()
    files = [_file_within(folder, image_id, on_disk) for image_id in ids]
    existing = tuple(file for file in files if file is not None and is_file(file))
    complete = len(existing) == len(ids)
    images = ImageSet(
        ids=ids,
        paths=existing if complete else (),
        root=folder if complete and all(file.is_relative_to(folder) for file in existing) else None,
        labels=folder_labels(ids) if labels else None,
    )
    return PrecomputedEmbeddings(images, vectors_path, paths_path, len(ids) - len(existing))


def _vectors_file(embeddings: Path) -> Path:
    """The file of vectors that ``embeddings`` is or, being a folder, holds."""
    embeddings = embeddings.expanduser()
    if not embeddings.exists():
        raise RunnerError(f"the embeddings {embeddings} do not exist; check the name")
    if not embeddings.is_dir():
        return embeddings.absolute()
    usual = embeddings / "embeddings.npy"
    if usual.is_file():
        return usual.absolute()
    candidates = [file for file in sorted(embeddings.glob("*.npy")) if _paths_file_beside(file) and _is_matrix(file)]
    if len(candidates) == 1:
        return candidates[0].absolute()
    if candidates:
        names = ", ".join(file.name for file in candidates)
        raise RunnerError(f"{embeddings} holds several files of vectors ({names}); name one of them with --embeddings")
    raise RunnerError(
        f"{embeddings} holds neither embeddings.npy nor a .npy file with a JSON list of image paths beside it; "
        "name the file of vectors with --embeddings"
    )


def _paths_file_beside(vectors_path: Path) -> Path | None:
    own = vectors_path.with_suffix(".json")
    for file in (own, *(vectors_path.with_name(name) for name in _PATHS_NAMES)):
        if file.is_file():
            return file
    return None


def _open_vectors(path: Path) -> np.ndarray:
    """The vectors, memory-mapped; their form is checked, their values are not."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise RunnerError(f"{path} is not a regular file; name a file that numpy.save wrote")
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            shape, in_columns, kind = _read_header(path, file)
            offset = file.tell()
    except _BAD_HEADER as error:
        reason = shown(error) or type(error).__name__
        raise RunnerError(f"{path} is not a readable .npy file ({reason}); save the vectors with numpy.save") from error
    if len(shape) != 2 or min(shape) <= 0:
        raise RunnerError(f"{path} has shape {shown(shape)}; vectors need shape (images, dimension)")
    if kind.kind != "f" or kind.itemsize not in (2, 4, 8):
        raise RunnerError(f"{path} holds {shown(kind)}; vectors must be float16, float32 or float64")
    if size - offset < shape[0] * shape[1] * kind.itemsize:  # beyond the end of its file a map must not be read
        raise RunnerError(
            f"{path} is not a readable .npy file (it is shorter than its header says); save the vectors with numpy.save"
        )
    return np.memmap(path, kind, mode="r", offset=offset, shape=shape, order="F" if in_columns else "C")


def _read_header(path: Path, file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether columns lie in one piece, and number format, as the header says.

    Raises:
        RunnerError: the file is an archive.
        _BAD_HEADER: there is no header.
    """
    start = file.read(len(_ARCHIVE))
    if start == _ARCHIVE:
        raise RunnerError(f"{path} is an .npz archive; save its one array of vectors with numpy.save")
    file.seek(0)
    version = np.lib.format.read_magic(file)
    if version not in _HEADERS:
        raise ValueError(f"format {version[0]}.{version[1]} is unknown")
    shape, in_columns, kind = _HEADERS[version](file)
    if not all(type(side) is int and abs(side) < 2**48 for side in shape):
        raise ValueError("its shape is not one of whole numbers")
    if kind.hasobject:
        raise ValueError("it holds Python objects, which could run code")
    return shape, in_columns, kind


def _is_matrix(path: Path) -> bool:
    try:
        _open_vectors(path)
    except RunnerError:
        return False
    return True


def _require_directions(path: Path, vectors: np.ndarray) -> None:
    """Every row must have a direction: finite, and of a length that float32 can express and divide by."""
    unusable: list[int] = []
    not_finite = 0
    rows_per_block = max(1, _VALUES_PER_BLOCK // vectors.shape[1])
    for start in range(0, len(vectors), rows_per_block):
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            block = np.asarray(vectors[start : start + rows_per_block], dtype=np.float32)
            squared = np.einsum("ij,ij->i", block, block)
        bad = np.flatnonzero(~np.isfinite(squared) | (squared == 0))
        not_finite += int(np.count_nonzero(~np.isfinite(squared)))
        unusable.extend((bad + start).tolist())
    if unusable:
        raise RunnerError(
            f"{path}: {len(unusable)} of {len(vectors)} vectors can't be normalised ({not_finite} with values that are "
            f"not finite or too large, {len(unusable) - not_finite} of length zero or nearly so): rows "
            f"{', '.join(map(str, unusable[:_NAMED_AT_MOST]))}{' …' if len(unusable) > _NAMED_AT_MOST else ''}; "
            "compute them again, or save the file without those rows and the list without their paths"
        )


def _read_paths(path: Path) -> tuple[str, ...]:
    names = read_json(path, "the list of paths", at_most=MOST_BYTES_OF_A_LIST)
    if not isinstance(names, list):
        raise RunnerError(f"the list of paths {path} must be a JSON list of strings, not {type(names).__name__}")
    first_row: dict[str, int] = {}
    for row, name in enumerate(names):
        if not isinstance(name, str) or not name or not _is_text(name):
            raise RunnerError(f"{path}: entry {row} is {shown(repr(name))}; every entry must be the path of an image")
        if name in first_row:
            raise RunnerError(
                f"{path}: {shown(repr(name))} is there twice, at rows {first_row[name]} and {row}; "
                "each vector must have an image of its own"
            )
        first_row[name] = row
    return tuple(names)


def _is_text(name: str) -> bool:
    """False for the halves of characters that JSON can spell and no file can hold."""
    return not any("\ud800" <= character <= "\udfff" for character in name)


def _file_within(folder: Path, name: str, on_disk: SpellingsOnDisk) -> Path | None:
    """The file that an entry names: an absolute path as it is, a relative one only where its name stays in ``folder``.

    A link in the folder stands for its file, wherever that is.
    """
    file = Path(os.path.abspath(folder / name))  # noqa: PTH100 - takes out `..` without following links
    return on_disk.find(file) if Path(name).is_absolute() or file.is_relative_to(folder) else None
