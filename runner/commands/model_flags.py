"""Flags made from the fields of a settings class, and the settings made from the flags."""

from __future__ import annotations

import argparse
from enum import StrEnum
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from runner.errors import UsageError

Settings = TypeVar("Settings", bound=BaseModel)


def add_fields(
    group: Any, model: type[BaseModel], names: tuple[str, ...], flags: dict[str, str], metavars: dict[str, str]
) -> None:
    """A flag for each field, with its description and default.

    Args:
        group: an argument parser, or a group of one.
        model: the settings class.
        names: its fields.
        flags: flags that are not named like their field.
        metavars: what stands for the values in the help text.
    """
    for name in names:
        field = model.model_fields[name]
        flag = flags.get(name, f"--{name.replace('_', '-')}")
        text = field.description or ""
        if field.annotation is bool:
            group.add_argument(flag, dest=name, action="store_true", default=argparse.SUPPRESS, help=text)
            continue
        choices = _choices(field.annotation)
        if choices:
            text += f": {', '.join(choices)}"
        if field.default is not None and not field.is_required():
            text += f" (default: {field.default})"
        metavar = metavars.get(name, name.upper())
        group.add_argument(flag, dest=name, default=argparse.SUPPRESS, metavar=metavar, help=text)


def validated(model: type[Settings], values: dict[str, Any], flags: dict[str, str]) -> Settings:
    """The settings; UsageError naming the flag, the value and what is allowed."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        message = problem["msg"].removeprefix("Value error, ")
        if not problem["loc"]:
            raise UsageError(message) from None
        name = str(problem["loc"][0])
        flag = flags.get(name, f"--{name.replace('_', '-')}")
        if problem["type"] == "missing":
            raise UsageError(f"{flag} is needed: {model.model_fields[name].description}") from None
        raise UsageError(f"{flag} {problem['input']}: {message[:1].lower()}{message[1:]}") from None


def _choices(annotation: Any) -> list[str]:
    if get_origin(annotation) is Literal:
        return [str(value) for value in get_args(annotation)]
    if get_origin(annotation) in (Union, UnionType):
        return [choice for each in get_args(annotation) for choice in _choices(each) if get_origin(each) is not Literal]
    return (
        [member.value for member in annotation]
        if isinstance(annotation, type) and issubclass(annotation, StrEnum)
        else []
    )
