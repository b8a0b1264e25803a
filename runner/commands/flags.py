"""Flags made from the fields of a settings class, and the settings made from what was typed."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import UnionType
from typing import Annotated, Any, Generic, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from runner.config.messages import allowed, first_problem, flag_of, wrong_flag
from runner.errors import UsageError

Settings = TypeVar("Settings", bound=BaseModel)

VALUES = {
    "N": ("batch_size", "count", "exact_up_to", "max_trials", "rank", "seed", "top", "workers"),
    "M": ("keep_per_group", "min_size", "per_cluster"),
    "PIXELS": ("resolution", "resolutions"),
    "SECONDS": ("trial_timeout", "within"),
    "SIMILARITY": ("threshold",),
    "DIR": ("cache_dir", "images", "out", "to"),
    "RESULTS": ("results",),
    "FILE": ("embeddings", "images_from", "names", "pairs", "paths", "samples"),
    "PATH": ("target",),
    "URI": ("tracking_uri",),
    "NAME": ("algorithms", "dataset", "experiment_name", "view"),
    "folder|FIELD": ("labels",),
    "KEY": ("embedding",),
    "MODEL": ("models",),
    "SPACE": ("spaces",),
    "FIT": ("preprocess",),
    "FORMAT": ("precision",),
    "WHICH": ("choose",),
    "HOW": ("collect",),
}
"""What stands for the values of which settings in the help text; for the others, their own name does."""

_METAVARS = {name: metavar for metavar, names in VALUES.items() for name in names}


@dataclass(frozen=True)
class Flags(Generic[Settings]):
    """The flags of a settings class: names, help texts, choices and defaults are those of its fields.

    Attributes:
        settings: the class.
        renamed: flags that are not named like their field.
    """

    settings: type[Settings]
    renamed: Mapping[str, str] = field(default_factory=dict)

    def add(self, parser: Any, names: Iterable[str], default: str | None = None) -> None:
        """Add the flags of these fields to a parser or to a group of one.

        Args:
            parser: what takes them.
            names: the fields.
            default: what holds where the flag is not given, for people, if it is not the field's default.
        """
        for name in names:
            _add(parser, self._flag(name), name, self.settings, default)

    def add_groups(self, parser: argparse.ArgumentParser, groups: Mapping[str, Iterable[str]]) -> None:
        """Add the flags of these fields, by the section of the help text."""
        for title, names in groups.items():
            self.add(parser.add_argument_group(title), names)

    def given(self, options: argparse.Namespace) -> dict[str, Any]:
        """What was typed, by field."""
        return {name: value for name, value in vars(options).items() if name in self.settings.model_fields}

    def value(self, options: argparse.Namespace, name: str) -> Any:
        """What was typed for a field, or else its default."""
        return getattr(options, name, self.settings.model_fields[name].default)

    def read(self, options: argparse.Namespace) -> Settings:
        """The settings; UsageError names the flag, the value and what is allowed."""
        try:
            return self.settings.model_validate(self.given(options))
        except ValidationError as error:
            problem = first_problem(error)
        if not problem["loc"]:
            raise UsageError(allowed(problem))
        name = str(problem["loc"][0])
        if problem["type"] == "missing":
            raise UsageError(f"{self._flag(name)} is needed: {self.settings.model_fields[name].description}")
        raise UsageError(wrong_flag(problem, self._flag, self.given(options)))

    def _flag(self, name: str) -> str:
        return self.renamed.get(name) or flag_of(name)


def add_assignments(parser: Any, example: str) -> None:
    """Add ``--set``, which reaches the settings that have no flag of their own."""
    text = f"any setting by its path, e.g. {example}; may be repeated"
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help=text)


def _add(parser: Any, flag: str, name: str, settings: type[BaseModel], default: str | None) -> None:
    info = settings.model_fields[name]
    kind = _first_kind(info.annotation)
    text = (info.description or "").replace("%", "%%")
    if kind is bool:
        parser.add_argument(flag, dest=name, action="store_true", default=argparse.SUPPRESS, help=text)
        return
    many = get_origin(kind) is tuple
    choices = _choices(get_args(kind)[0] if many else kind)
    if choices:
        text += f": {', '.join(choices)}"
    if default is None and not info.is_required() and info.default not in (None, ()):
        default = " ".join(map(str, info.default)) if many else str(info.default)
    if default is not None:
        text = f"{text.partition(' (default: ')[0]} (default: {default})"
    parser.add_argument(
        flag,
        dest=name,
        action="extend" if many else None,  # so that values behind a repeated flag add up
        nargs="+" if many else None,
        default=argparse.SUPPRESS,
        metavar=_METAVARS.get(name, name.upper()),
        help=text,
    )


def _first_kind(annotation: Any) -> Any:
    """The annotation, or the first of a union, which None and words such as ``auto`` follow; without its limits."""
    kind = get_args(annotation)[0] if get_origin(annotation) in (Union, UnionType) else annotation
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _choices(kind: Any) -> list[str]:
    if get_origin(kind) is Literal:
        return [str(value) for value in get_args(kind)]
    return [member.value for member in kind] if isinstance(kind, type) and issubclass(kind, StrEnum) else []
