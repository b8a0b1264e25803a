"""The images that a search found, brought into a folder, from which ``runner undo`` takes them back."""

from __future__ import annotations

from pathlib import Path

from runner.errors import RunnerError
from runner.export.checks import check_destination, check_room, source_fault
from runner.export.config import How
from runner.export.file_names import safe_name
from runner.export.manifest import Manifest, PlacedImage, root_of, undo_command, write_manifest
from runner.export.place import place
from runner.images.lookup import require_names_within
from runner.similar.find import QueryResult, SimilarImages


def collect_neighbors(found: SimilarImages, result: QueryResult, folder: Path, how: How) -> tuple[int, str]:
    """Put the neighbours of one query into ``folder``, named by rank and similarity: ``01_0.983_cat.jpg``.

    Args:
        found: the search.
        result: of the query; each embedding has a folder of its own where there are several.
        folder: new or empty.
        how: copy, hardlink or symlink.

    Returns:
        how many images were put there, those that have gone being left out, and the command that takes them back.

    Raises:
        RunnerError: the folder holds something, something can't be written, or a name leads out of the images' folder.
    """
    require_names_within(found.images)
    check_destination(folder, found.searched, how)
    images = _placed(found, result, how)
    check_room(folder, images, how)
    folders = tuple(dict.fromkeys(str(Path(image.target).parent) for image in images if "/" in image.target))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        manifest = Manifest(how, "", "", folders, tuple(images), (), root_of(images, found.images.root))
        undo = undo_command(folder, write_manifest(folder, manifest))
        for name in folders:
            (folder / name).mkdir()
        for image in images:
            place(how, Path(image.source), folder / image.target)
    except OSError as error:
        raise RunnerError(
            f"{folder} can't be filled: {error.strerror or error}; `runner undo {folder}` empties it"
        ) from error
    return len(images), undo


def _placed(found: SimilarImages, result: QueryResult, how: How) -> list[PlacedImage]:
    """The neighbours that can be brought there, with their places."""
    images = []
    for each in result.neighbors:
        inside = f"{safe_name(found.embedding_names[each.embedding])}/" if len(result.neighbors) > 1 else ""
        for rank, (row, similarity) in enumerate(zip(each.rows.tolist(), each.similarities, strict=True), start=1):
            path = found.images.paths[row]
            if source_fault(path, how) is None:
                target = f"{inside}{rank:02d}_{similarity:.3f}_{safe_name(path.name)}"
                images.append(PlacedImage.of(path.resolve(), target))
    return images
