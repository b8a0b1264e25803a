"""Whether a rule of a grid, which derives values from the data, is well formed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

MOST_VALUES = 10_000
"""That one rule may give: more trials than anybody would wait for."""


def rule_problem(rule: Mapping[str, Any]) -> str:
    """What is wrong with a rule, in words that follow its own; "" if nothing is.

    >>> rule_problem({"geometric": 12, "from": 2})
    ''
    >>> rule_problem({"merge_quantiles": [0.5, 7]})
    'merge_quantiles must be numbers from 0 to 1'
    """
    for name, part in rule.items():
        problem = _PROBLEMS[name](part)
        if problem:
            return f"{name} must be {problem}"
    return ""


def _count(value: Any) -> str:
    return "" if _is_whole(value, 1, MOST_VALUES) else f"1 to {MOST_VALUES:,}"


def _end(value: Any) -> str:
    return "" if _is_whole(value, 1) else "a whole number above 0"


def _quantiles(values: Any) -> str:
    usable = isinstance(values, list | tuple) and 0 < len(values) <= MOST_VALUES and all(map(_is_share, values))
    return "" if usable else "numbers from 0 to 1"


def _range(values: Any) -> str:
    if not isinstance(values, list | tuple) or len(values) != 3:
        return "[first, last, step]"
    *ends, step = values
    if not _is_whole(step, 1):
        return "[first, last, step] with a step above 0"
    for end in ends:
        if isinstance(end, Mapping):
            if (
                "per" not in end
                or set(end) - {"per", "least", "most"}
                or not all(_is_whole(n, 1) for n in end.values())
            ):
                return "[first, last, step], an end being a number or {per: N, least: N, most: N}"
        elif not _is_whole(end, 1):
            return "[first, last, step] with ends above 0"
    numbers = [end for end in ends if not isinstance(end, Mapping)]
    if len(numbers) == 2 and (numbers[1] - numbers[0]) // step > MOST_VALUES:
        return f"of {MOST_VALUES:,} values at most"
    return ""


def _is_whole(value: Any, least: int, most: int = 2**62) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


_PROBLEMS: Mapping[str, Callable[[Any], str]] = {
    "geometric": _count,
    "from": _end,
    "to": _end,
    "most": _end,
    "range": _range,
    "neighbor_quantiles": _quantiles,
    "merge_quantiles": _quantiles,
}
