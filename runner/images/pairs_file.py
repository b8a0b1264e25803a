"""The files in which people write down pairs: YAML, or CSV as other programs write it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml

from runner.errors import RunnerError
from runner.utils.table_files import read_table
from runner.utils.text_files import compose_yaml, read_text, shown

PairKind = Literal["must_link", "cannot_link"]
KINDS: tuple[PairKind, PairKind] = ("must_link", "cannot_link")

_SPELLINGS: dict[str, PairKind] = {
    **dict.fromkeys(("mustlink", "ml"), "must_link"),
    **dict.fromkeys(("cannotlink", "cantlink", "cl"), "cannot_link"),
}
_COLUMNS = ("first", "second", "kind")
_MOST_BYTES = 256 * 2**20


@dataclass(frozen=True)
class NamedGroup:
    """Images that a file wants together, or each apart from each: a pair, or more, which stand for all their pairs.

    Attributes:
        kind: ``must_link`` or ``cannot_link``.
        names: two or more, as they stand in the file.
        line: where they stand, counted from 1.
    """

    kind: PairKind
    names: tuple[str, ...]
    line: int


def read_groups(path: Path) -> list[NamedGroup]:
    """The groups in a pairs file, whose ending says how it is written.

    Raises:
        RunnerError: it can't be read, or breaks the form described at ``read_pairs``.
    """
    suffix = path.suffix.lower()
    if suffix not in (".yaml", ".yml", ".csv", ".tsv"):
        raise RunnerError(f"the pairs file {path} must end in .yaml, .yml or .csv (or .tsv)")
    text = read_text(path, "the pairs file", at_most=_MOST_BYTES)
    return list((_yaml_groups if suffix in (".yaml", ".yml") else _csv_groups)(path, text))


def _kind(word: str) -> PairKind | None:
    """The kind that a word means, as people spell it: ``must-link``, ``MustLink``, ``ML``, ``can't link``."""
    return _SPELLINGS.get(re.sub(r"[\W_]", "", word.lower()))


def _csv_groups(path: Path, text: str) -> Iterator[NamedGroup]:
    table = read_table(text, str(path))
    missing = [column for column in _COLUMNS if column not in table.titles]
    if missing:
        raise RunnerError(f"{path}, line 1: no column {', '.join(missing)}; the header must be {','.join(_COLUMNS)}")
    places = [table.column(column) for column in _COLUMNS]
    for line, cells in table.rows:
        first, second, word = (cells[place] if place < len(cells) else None for place in places)
        if not first or not second or not first.strip() or not second.strip():
            raise RunnerError(f"{path}, line {line}: a pair needs two names, first and second")
        kind = None if word is None else _kind(word)
        if kind is None:
            told = None if word is None else shown(word)
            raise RunnerError(f"{path}, line {line}: kind must be must_link or cannot_link, not {told!r}")
        yield NamedGroup(kind, (first, second), line)


def _yaml_groups(path: Path, text: str) -> Iterator[NamedGroup]:
    """Groups from YAML nodes rather than values: nodes know their line, and a name such as 0012 stays as written."""
    document = compose_yaml(text, f"the pairs file {path}")
    if document is None or (isinstance(document, yaml.ScalarNode) and not document.value):
        return
    if not isinstance(document, yaml.MappingNode):
        raise RunnerError(f"the pairs file {path} must hold must_link: and cannot_link:, each with a list of pairs")
    seen = set()
    for key, groups in document.value:
        where = f"{path}, line {key.start_mark.line + 1}"
        kind = _kind(key.value) if isinstance(key, yaml.ScalarNode) else None
        if kind is None:
            raise RunnerError(f"{where}: the keys are must_link and cannot_link, not {shown(key.value)!r}")
        if kind in seen:
            raise RunnerError(f"{where}: {kind} is there twice; join the two lists")
        seen.add(kind)
        if isinstance(groups, yaml.ScalarNode) and not groups.value:
            continue
        if not isinstance(groups, yaml.SequenceNode):
            raise RunnerError(f"{where}: {kind} must be a list of pairs such as [a.jpg, b.jpg]")
        for group in groups.value:
            line = group.start_mark.line + 1
            yield NamedGroup(kind, _group_names(path, line, group), line)


def _group_names(path: Path, line: int, group: yaml.Node) -> tuple[str, ...]:
    names = group.value if isinstance(group, yaml.SequenceNode) else []
    if len(names) < 2 or not all(isinstance(name, yaml.ScalarNode) and name.value for name in names):
        raise RunnerError(f"{path}, line {line}: a pair is a list of two or more names such as [a.jpg, b.jpg]")
    return tuple(name.value for name in names)
