"""The names that clusters may get."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from runner.errors import RunnerError, UsageError
from runner.naming.imagenet import imagenet_names


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
    try:
        text = path.expanduser().read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise RunnerError(f"the vocabulary {path} is not UTF-8 text ({error}); save it as UTF-8") from error
    except OSError as error:
        raise RunnerError(f"the vocabulary {path} can't be read ({error.strerror or error}); check its name") from error
    names = tuple(dict.fromkeys(_names(text)))
    if len(names) < 2:
        raise UsageError(f"the vocabulary {path} holds {len(names)} names; write two or more, one a line")
    return names


def _names(text: str) -> list[str]:
    lines = (" ".join(line.split()) for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]
