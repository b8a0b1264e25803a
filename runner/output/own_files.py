"""What we wrote into a folder may be replaced by the next results; what anyone else wrote may not."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.errors import RunnerError


def refuse_foreign_files(folder: Path, names: Sequence[str], is_ours: Callable[[Path], bool]) -> None:
    """Raise RunnerError where ``folder`` holds files of these names, unless ``is_ours`` says that we wrote them."""
    there = [name for name in names if (folder / name).exists()]
    if there and not is_ours(folder):
        raise RunnerError(
            f"{folder} holds {', '.join(there)} of unknown origin, which would be overwritten; "
            "choose another --out, or move that away"
        )


@dataclass(frozen=True)
class OwnFiles:
    """The files of one kind of search.

    Attributes:
        kind: what its document says under ``kind``, which marks all of them as ours.
        document: name of that JSON file.
        others: names of the other files.
    """

    kind: str
    document: str
    others: tuple[str, ...]

    def check(self, folder: Path, images: Path | None) -> None:
        """Refuse a folder in which files of unknown origin would be overwritten; call it before any work.

        Args:
            folder: where the results are to go.
            images: the folder of images that is searched, in which they must not lie; None where there is none.

        Raises:
            RunnerError: naming the folder and the files.
        """
        if images is not None and folder.resolve().is_relative_to(images.expanduser().resolve()):
            raise RunnerError(
                f"{folder} lies in {images}, so that its sheets would be found as images; choose another --out"
            )
        refuse_foreign_files(folder, (self.document, *self.others), self.are_in)

    def are_in(self, folder: Path) -> bool:
        """Whether a search of this kind has written there."""
        try:
            return json.loads((folder / self.document).read_bytes())["kind"] == self.kind
        except (OSError, ValueError, KeyError, TypeError):
            return False
