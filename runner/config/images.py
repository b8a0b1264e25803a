"""Which images: the settings that every command which takes images shares."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, PlainSerializer


def _as_several(value: Any) -> Any:
    """One folder as a list of one."""
    return (value,) if isinstance(value, str | os.PathLike) else value


def _possible(path: Path) -> Path:
    """A path that the system can be asked about: a NUL in it, or half of a character, can come from YAML or JSON."""
    try:
        if "\0" not in os.fspath(path) and os.fsencode(path):
            return path
    except UnicodeEncodeError:
        pass
    raise ValueError("is no name that a file or folder can have")


def _as_given(folders: tuple[Path, ...] | None) -> str | list[str] | None:
    """One folder as its name alone, as settings of one folder have always been written."""
    if folders is None:
        return None
    return str(folders[0]) if len(folders) == 1 else [str(folder) for folder in folders]


FilePath = Annotated[Path, AfterValidator(_possible)]
"""A path as a setting."""

Folders = Annotated[
    tuple[FilePath, ...],
    Field(min_length=1),
    BeforeValidator(_as_several),
    PlainSerializer(_as_given, when_used="json"),
]


class ImagesConfig(BaseModel):
    """Where the images come from. Field descriptions are the command line's help texts."""

    images: Folders | None = Field(None, description="folders of images, searched recursively")
    images_from: FilePath | None = Field(
        None, description="list of image files: text with a name per line, CSV or JSON; - is standard input"
    )
    follow_links: bool = Field(
        False, description="follow links to folders in --images as well; links to files are followed in any case"
    )
    dataset: str | None = Field(None, min_length=1, description="FiftyOne dataset whose samples are the images")
    view: str | None = Field(None, min_length=1, description="saved view: only these samples of --dataset")

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders that are searched for images: whatever is written there would be found as one."""
        return tuple(folder.expanduser() for folder in self.images or ())


def require_one(sources: dict[str, object]) -> None:
    """Raise ValueError unless exactly one of these flags is given.

    Args:
        sources: by flag, its value, None where it is not given.
    """
    given = [flag for flag, value in sources.items() if value is not None]
    if len(given) != 1:
        raise ValueError(f"give exactly one of {', '.join(sources)}, not {' and '.join(given) or 'none'}")


def require_dataset(config: ImagesConfig, flags: Iterable[tuple[str, object]]) -> None:
    """Raise ValueError where one of these flags, with their values, is given without a dataset."""
    for flag, value in flags:
        if value and config.dataset is None:
            raise ValueError(f"{flag} goes with --dataset")
