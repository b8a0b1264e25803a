"""Fields that several forms have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import fiftyone.operators.types as types

HALF = 6
"""Of the twelve columns of a form: two fields side by side."""


def choose_one(
    inputs: types.Object,
    name: str,
    choices: Mapping[str, str],
    *,
    default: str | None = None,
    space: int | None = None,
    **options: Any,
) -> None:
    """A drop-down list.

    Args:
        inputs: the form.
        name: of the parameter.
        choices: what is shown, by the value it stands for.
        default: the value that is chosen at first.
        space: columns of twelve that it takes; None for all.
        options: of the property: ``label``, ``description``, ``required``.
    """
    view = types.DropdownView(space=space)
    for value, label in choices.items():
        view.add_choice(value, label=label)
    inputs.enum(name, list(choices), default=default, view=view, **options)


def choose_many(
    inputs: types.Object,
    name: str,
    choices: Mapping[str, str],
    *,
    default: Sequence[str] = (),
    space: int | None = None,
    **options: Any,
) -> None:
    """A list of values of which several may be ticked; arguments as for ``choose_one``."""
    view = types.DropdownView(multiple=True, space=space)
    for value, label in choices.items():
        view.add_choice(value, label=label)
    inputs.list(name, types.Enum(list(choices)), default=list(default) or None, view=view, **options)


def type_or_choose_many(
    inputs: types.Object,
    name: str,
    suggestions: Iterable[str],
    *,
    default: Sequence[str] = (),
    space: int | None = None,
    **options: Any,
) -> None:
    """A list of values that may be typed, with suggestions; arguments as for ``choose_one``."""
    view = types.AutocompleteView(allow_user_input=True, allow_duplicates=False, space=space)
    for value in suggestions:
        view.add_choice(value, label=value)
    inputs.list(name, types.String(), default=list(default) or None, view=view, **options)


def heading(inputs: types.Object, name: str, label: str, description: str = "") -> None:
    """The title of a group of fields."""
    inputs.view(name, types.Header(label=label, description=description, divider=True))
