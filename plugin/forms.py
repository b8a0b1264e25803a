"""Fields that several forms have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import fiftyone.operators.types as types


def choose_one(
    inputs: types.Object, name: str, choices: Mapping[str, str], *, default: str | None = None, **options: Any
) -> None:
    """A drop-down list.

    Args:
        inputs: the form.
        name: of the parameter.
        choices: what is shown, by the value it stands for.
        default: the value that is chosen at first.
        options: of the property: ``label``, ``description``, ``required``.
    """
    view = types.DropdownView()
    for value, label in choices.items():
        view.add_choice(value, label=label)
    inputs.enum(name, list(choices), default=default, view=view, **options)


def choose_many(
    inputs: types.Object, name: str, choices: Mapping[str, str], *, default: Sequence[str] = (), **options: Any
) -> None:
    """A list of values of which several may be ticked; arguments as for ``choose_one``."""
    view = types.DropdownView(multiple=True)
    for value, label in choices.items():
        view.add_choice(value, label=label)
    inputs.list(name, types.Enum(list(choices)), default=list(default) or None, view=view, **options)


def type_or_choose_many(
    inputs: types.Object, name: str, suggestions: Iterable[str], *, default: Sequence[str] = (), **options: Any
) -> None:
    """A list of values that may be typed, with suggestions; arguments as for ``choose_one``."""
    view = types.AutocompleteView(allow_user_input=True, allow_duplicates=False)
    for value in suggestions:
        view.add_choice(value, label=value)
    inputs.list(name, types.String(), default=list(default) or None, view=view, **options)


def heading(inputs: types.Object, name: str, label: str, description: str = "") -> None:
    """The title of a group of fields."""
    inputs.view(name, types.Header(label=label, description=description, divider=True))
