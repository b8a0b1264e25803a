"""The names that clusters may get."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from runner.errors import UsageError
from runner.naming.imagenet import imagenet_names
from runner.utils.text_files import read_text


def default_vocabulary() -> tuple[str, ...]:
    """ImageNet's classes, and what else people's pictures show: people, places, documents, kinds of pictures."""
    own = (files("runner.naming") / "vocabulary.txt").read_text(encoding="utf-8")
    return tuple(dict.fromkeys([*_names(own), *imagenet_names()]))


def read_vocabulary(path: Path) -> tuple[str, ...]:
    """The names in a text file, one a line; empty lines and those that begin with # are left out.

    Raises:
        RunnerError: the file can't be read.
        UsageError: it holds fewer than two names.
    """
    text = read_text(path.expanduser(), "the vocabulary")
    names = tuple(dict.fromkeys(_names(text)))
    if len(names) < 2:
        raise UsageError(f"the vocabulary {path} holds {len(names)} names; write two or more, one a line")
    return names


def _names(text: str) -> list[str]:
    lines = (" ".join(line.split()) for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]
