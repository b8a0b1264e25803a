"""Small files that people hand us: text, JSON and YAML, read within limits.

Whatever is in such a file, reading it ends soon and gives either its value or one sentence that names the file. It has
to be a regular file (a pipe would be waited for, a device has no end), of a bounded size, in an encoding that can be
told, and its values may neither be nested deeply nor multiply by references to each other.
"""

from __future__ import annotations

import codecs
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from runner.errors import RunnerError

MOST_BYTES = 16 * 2**20
"""Of a file of settings, pairs or names."""

MOST_BYTES_OF_A_LIST = 2**30
"""Of a file with a line or an entry for each of some millions of images."""

DEEPEST = 64
"""Levels of lists and mappings in each other."""

MOST_VALUES = 300_000
"""In a YAML document, those that references repeat counted each time: some seconds' work."""

LARGEST_INTEGER = 2**63 - 1
SHOWN_CHARACTERS = 160
"""Of a value or of another program's message in a sentence."""

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins like UTF-16's, so that it is looked for first
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_scalars = yaml.constructor.SafeConstructor()
_SCALARS: dict[str, Any] = {
    "tag:yaml.org,2002:null": _scalars.construct_yaml_null,
    "tag:yaml.org,2002:bool": _scalars.construct_yaml_bool,
    "tag:yaml.org,2002:int": _scalars.construct_yaml_int,
    "tag:yaml.org,2002:float": _scalars.construct_yaml_float,
    "tag:yaml.org,2002:str": _scalars.construct_yaml_str,
    "tag:yaml.org,2002:timestamp": _scalars.construct_yaml_str,  # no setting takes a date
    "tag:yaml.org,2002:value": _scalars.construct_yaml_str,
}
_SEQUENCE, _MAPPING, _MERGE = (f"tag:yaml.org,2002:{kind}" for kind in ("seq", "map", "merge"))


def read_bytes(path: Path, what: str, *, at_most: int = MOST_BYTES) -> bytes:
    """The content of a file.

    Args:
        path: the file.
        what: it is, for people, such as ``the pairs file``.
        at_most: its size in bytes.

    Raises:
        RunnerError: it can't be read, is no regular file, or is larger.
    """
    try:
        # Without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise RunnerError(f"{what} {shown(path)} is not a regular file; name a file")
            content = file.read(at_most + 1)
    except OSError as error:
        raise RunnerError(f"{what} {shown(path)} can't be read ({error.strerror or error}); check its name") from error
    except ValueError as error:  # a name with a NUL, or with half of a character
        raise RunnerError(f"{what} {shown(path)} can't be read (no file can have that name); check its name") from error
    if len(content) > at_most:
        raise RunnerError(f"{what} {shown(path)} is larger than {at_most / 2**20:,.0f} MB; is it the right file?")
    return content


def read_text(path: Path, what: str, *, at_most: int = MOST_BYTES) -> str:
    """The text of a file in UTF-8, or in UTF-16 or UTF-32 if it begins with a byte order mark; errors as for
    ``read_bytes``, and RunnerError for another encoding."""
    return decode_text(read_bytes(path, what, at_most=at_most), f"{what} {shown(path)}")


def decode_text(content: bytes, where: str, kind: str = "text") -> str:
    """Text from bytes as ``read_text`` does; ``where`` they are from begins the error's sentence, which says that they
    are not valid text, or what ``kind`` of it else."""
    encoding = next((name for mark, name in _BYTE_ORDER_MARKS if content.startswith(mark)), None)
    try:
        return content.decode(encoding or _without_mark(content))
    except UnicodeDecodeError as error:
        name = encoding or "UTF-8"
        raise RunnerError(
            f"{where} is not valid {kind}: it is not {name.removesuffix('-sig').upper()} ({error.reason} at byte "
            f"{error.start:,}); save it as UTF-8"
        ) from error


def _without_mark(content: bytes) -> str:
    """UTF-16 betrays itself by a NUL in every other place, which no UTF-8 text has."""
    start = content[:32]
    if len(start) >= 4 and len(start) % 2 == 0:
        if not any(start[1::2]) and all(start[::2]):
            return "utf-16-le"
        if not any(start[::2]) and all(start[1::2]):
            return "utf-16-be"
    return "utf-8"


def read_json(path: Path, what: str, *, at_most: int = MOST_BYTES) -> Any:
    """The value in a JSON file; errors as for ``read_text``, and RunnerError where it is none or is nested too deep."""
    where = f"{what} {shown(path)}"
    return parse_json(decode_text(read_bytes(path, what, at_most=at_most), where, "JSON"), where)


def parse_json(text: str, where: str) -> Any:
    """The value of a JSON text; RunnerError, beginning with ``where`` it is from, if there is none."""
    try:
        return json.loads(text, parse_int=_integer)
    except RecursionError as error:
        raise RunnerError(f"{where} is not valid JSON: it is nested too deep") from error
    except ValueError as error:
        raise RunnerError(f"{where} is not valid JSON: {shown(error)}") from error


def _integer(digits: str) -> int:
    if len(digits) > 20 or abs(int(digits)) > LARGEST_INTEGER:
        raise ValueError(f"the number {shown(digits)} is too large")
    return int(digits)


def read_yaml(path: Path, what: str, *, at_most: int = MOST_BYTES) -> Any:
    """The value in a YAML file, None if it is empty; errors as for ``read_text`` and ``parse_yaml``."""
    where = f"{what} {shown(path)}"
    return parse_yaml(decode_text(read_bytes(path, what, at_most=at_most), where, "YAML"), where)


def parse_yaml(text: str, where: str) -> Any:
    """The value of a YAML text: mappings, lists, text, numbers, truth values and null.

    Raises:
        RunnerError: beginning with ``where`` it is from: it is no YAML, names another type, says a key twice, holds a
            number beyond 64 bits, refers to itself, or is nested deeper or larger than the limits above.
    """
    node = compose_yaml(text, where)
    return None if node is None else _value(node, where)


def compose_yaml(text: str, where: str) -> yaml.Node | None:
    """The root of the nodes of a YAML text, which know their lines; errors as for ``parse_yaml``, but for the values'
    own."""
    try:
        _check_events(text, where)
        node = yaml.compose(text, Loader=_Loader)
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a character that the reader can't place
        raise RunnerError(f"{where} is not valid YAML: {shown(error)}") from error
    if node is not None:
        _measure(node, where, {})
    return node


def _check_events(text: str, where: str) -> None:
    """Depth and number of nodes before anything recursive looks at them."""
    depth = values = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        values += isinstance(event, yaml.NodeEvent)
        if depth > DEEPEST:
            raise RunnerError(f"{where} is nested too deep, more than {DEEPEST} levels")
        if values > MOST_VALUES:
            raise RunnerError(f"{where} holds more than {MOST_VALUES:,} values; split it, or write a CSV file")


def _measure(node: yaml.Node, where: str, known: dict[int, tuple[int, int]]) -> tuple[int, int]:
    """How many values a node stands for, those that are referred to counted each time, and how many levels.

    References point backwards, so that what they add has been measured: this recursion is no deeper than the text.
    """
    if id(node) in known:
        size, levels = known[id(node)]
        if not size:
            raise RunnerError(f"{where}, line {_line(node)}: a value refers to itself")
        return size, levels
    known[id(node)] = 0, 0
    parts = [_measure(child, where, known) for child in _children(node)]
    size, levels = 1 + sum(each for each, _ in parts), 1 + max((each for _, each in parts), default=0)
    if size > MOST_VALUES:
        raise RunnerError(f"{where} holds more than {MOST_VALUES:,} values, most of them by references")
    if levels > DEEPEST + 1:
        raise RunnerError(f"{where} is nested too deep, more than {DEEPEST} levels")
    known[id(node)] = size, levels
    return size, levels


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        for pair in node.value:
            yield from pair
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _value(node: yaml.Node, where: str) -> Any:
    if isinstance(node, yaml.MappingNode) and node.tag == _MAPPING:
        return _mapping(node, where)
    if isinstance(node, yaml.SequenceNode) and node.tag == _SEQUENCE:
        return [_value(child, where) for child in node.value]
    if not isinstance(node, yaml.ScalarNode) or node.tag not in _SCALARS:
        raise RunnerError(f"{where}, line {_line(node)}: values of the type {shown(node.tag)} are not allowed")
    try:
        value = _SCALARS[node.tag](node)
    except (ValueError, KeyError, IndexError, OverflowError) as error:  # such as !!int x, or 5,000 digits
        raise RunnerError(f"{where}, line {_line(node)}: {shown(node.value)} can't be read as a value") from error
    if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        raise RunnerError(f"{where}, line {_line(node)}: the number {shown(node.value)} is too large")
    return value


def _mapping(node: yaml.MappingNode, where: str) -> dict[Any, Any]:
    own: dict[Any, Any] = {}
    merged: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        value = _value(value_node, where)
        if key_node.tag == _MERGE:
            for mapping in value if isinstance(value, list) else [value]:
                if not isinstance(mapping, dict):
                    raise RunnerError(f"{where}, line {_line(key_node)}: << takes mappings")
                merged = {**mapping, **merged}
            continue
        if not isinstance(key_node, yaml.ScalarNode):
            raise RunnerError(f"{where}, line {_line(key_node)}: a key must be a name")
        key = _value(key_node, where)
        if key in own:
            raise RunnerError(f"{where}, line {_line(key_node)}: {shown(key)} is there twice; join the two")
        own[key] = value
    return {**merged, **own}


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def shown(value: object) -> str:
    """A value, or another program's message, in one line of bounded length that can be printed."""
    text = value if isinstance(value, str) else str(value)
    text = " ".join(text[: 4 * SHOWN_CHARACTERS].encode("utf-8", "backslashreplace").decode().split())
    text = "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 1]}…"
