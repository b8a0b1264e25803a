"""What we wrote into a folder may be replaced by the next results; what anyone else wrote may not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.errors import RunnerError
from runner.utils.text_files import MOST_BYTES_OF_A_LIST, read_json


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

    def check(self, folder: Path, searched: Sequence[Path]) -> None:
        """Refuse a folder in which files of unknown origin would be overwritten; call it before any work.

        Args:
            folder: where the results are to go.
            searched: the folders that are searched for images, in which they must not lie.

        Raises:
            RunnerError: naming the folder and the files.
        """
        around = next((each for each in searched if folder.resolve().is_relative_to(each.resolve())), None)
        if around is not None:
            raise RunnerError(
                f"{folder} lies in {around}, so that its sheets would be found as images; choose another --out"
            )
        refuse_foreign_files(folder, (self.document, *self.others), self.are_in)

    def are_in(self, folder: Path) -> bool:
        """Whether a search of this kind has written there."""
        try:
            document = read_json(folder / self.document, "the document", at_most=MOST_BYTES_OF_A_LIST)
        except RunnerError:
            return False
        return isinstance(document, dict) and document.get("kind") == self.kind
