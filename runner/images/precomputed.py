"""Ready-made embeddings as an image set."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from runner.errors import RunnerError, UsageError
from runner.examine import is_file
from runner.images.image_set import ImageSet
from runner.images.names import folder_labels

_PATHS_NAMES = ("paths.json", "image_paths.json")
_VALUES_PER_BLOCK = 16_000_000
_NAMED_AT_MOST = 5


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
    files = [_file_within(folder, image_id) for image_id in ids]
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
        vectors = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise RunnerError(f"{path} is not a readable .npy file ({error}); save the vectors with numpy.save") from error
    if not isinstance(vectors, np.ndarray):
        vectors.close()
        raise RunnerError(f"{path} is an .npz archive; save its one array of vectors with numpy.save")
    if vectors.ndim != 2 or 0 in vectors.shape:
        raise RunnerError(f"{path} has shape {vectors.shape}; vectors need shape (images, dimension)")
    if vectors.dtype.kind != "f" or vectors.dtype.itemsize not in (2, 4, 8):
        raise RunnerError(f"{path} holds {vectors.dtype}; vectors must be float16, float32 or float64")
    return vectors


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
            "remove them or compute them again"
        )


def _read_paths(path: Path) -> tuple[str, ...]:
    try:
        names = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise RunnerError(f"the list of paths {path} can't be read ({error.strerror or error})") from error
    except (ValueError, RecursionError) as error:
        raise RunnerError(f"the list of paths {path} is not valid JSON: {error}") from error
    if not isinstance(names, list):
        raise RunnerError(f"the list of paths {path} must be a JSON list of strings, not {type(names).__name__}")
    first_row: dict[str, int] = {}
    for row, name in enumerate(names):
        if not isinstance(name, str) or not name or not _is_text(name):
            raise RunnerError(f"{path}: entry {row} is {name!r}; every entry must be the path of an image")
        if name in first_row:
            raise RunnerError(f"{path}: {name!r} is there twice, at rows {first_row[name]} and {row}; remove one")
        first_row[name] = row
    return tuple(names)


def _is_text(name: str) -> bool:
    """False for the halves of characters that JSON can spell and no file can hold."""
    return not any("\ud800" <= character <= "\udfff" for character in name)


def _file_within(folder: Path, name: str) -> Path | None:
    """The file that an entry names: an absolute path as it is, a relative one only where its name stays in ``folder``.

    A link in the folder stands for its file, wherever that is.
    """
    file = Path(os.path.abspath(folder / name))  # noqa: PTH100 - takes out `..` without following links
    return file if Path(name).is_absolute() or file.is_relative_to(folder) else None
