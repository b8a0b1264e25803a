"""What is wrong with a setting, in one sentence and one style: its name as it was given, the value, what is allowed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from runner.utils.text_files import shown


def flag_of(name: str) -> str:
    """The flag of a setting, unless it has one of another name."""
    return f"--{name.replace('_', '-')}"


def first_problem(error: ValidationError) -> ErrorDetails:
    """The first problem; of a setting that takes several kinds of values, that of the kind which the value is of."""
    problems = error.errors(include_url=False)
    first = problems[0]
    kind = type(first["input"]).__name__  # part of the branch's name, such as constrained-float
    branches = (each for each in problems if each["loc"][:1] == first["loc"][:1] and kind in str(each["loc"][-1:]))
    return next(branches, first)


def allowed(problem: ErrorDetails) -> str:
    """What is allowed, in words that follow the value and a colon."""
    message = problem["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return shown(f"{message[:1].lower()}{message[1:]}")


def wrong_flag(problem: ErrorDetails, flag: Callable[[str], str], given: Mapping[str, Any]) -> str:
    """The sentence on what was typed after a flag.

    Args:
        problem: of a setting, with at least its name in its place.
        flag: the flag of a setting.
        given: what was typed, by setting.
    """
    name = str(problem["loc"][0])
    typed = given.get(name)
    value = typed if isinstance(typed, str | int | float) else problem["input"]
    return f"{flag(name)} {shown(value)}: {allowed(problem)}"
