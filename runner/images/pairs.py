"""Pairs of images that a person wants together, or apart."""

from __future__ import annotations

import csv
import io
import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Literal, cast

import numpy as np
import yaml

from runner.errors import RunnerError
from runner.images.image_set import ImageSet
from runner.images.names import ImageNames

PairKind = Literal["must_link", "cannot_link"]
_KINDS = ("must_link", "cannot_link")
_COLUMNS = ("first", "second", "kind")


@dataclass(frozen=True)
class UnmatchedPair:
    """A pair that names an image which is not in the image set.

    Attributes:
        kind: ``must_link`` or ``cannot_link``.
        first, second: the names as they stand in the file.
        missing: those of the two that were not found.
        line: where the pair stands in the file, counted from 1.
    """

    kind: PairKind
    first: str
    second: str
    missing: tuple[str, ...]
    line: int


@dataclass(frozen=True)
class Pairs:
    """Constraints on the images of an image set, each pair once, as rows of that set.

    Attributes:
        must_link: int64, shape (n_pairs, 2): rows that belong into one cluster, the smaller row first.
        cannot_link: int64, shape (n_pairs, 2): rows that belong into different clusters.
        unmatched: pairs left out because an image is not in the set.
    """

    must_link: np.ndarray
    cannot_link: np.ndarray
    unmatched: tuple[UnmatchedPair, ...] = ()


def read_pairs(path: Path, images: ImageSet) -> Pairs:
    """Read a pairs file and find its images.

    YAML: ``must_link`` and ``cannot_link``, each a list of groups of two or more names; a larger group stands for all
    its pairs. CSV: columns ``first,second,kind``. A name is a path relative to the root of the images, an absolute
    path, or a sample id.

    Raises:
        RunnerError: the file can't be read or breaks this form, an image is paired with itself, two names of one file
            are to be kept apart, or the same two images are in both lists.
    """
    names = ImageNames(images)
    lines: dict[str, dict[tuple[int, int], int]] = {kind: {} for kind in _KINDS}
    unmatched = []
    for entry in _read_entries(path):
        first, second = names.find(entry.first), names.find(entry.second)
        if first is None or second is None:
            found = {entry.first: first, entry.second: second}
            missing = tuple(name for name, row in found.items() if row is None)
            unmatched.append(UnmatchedPair(entry.kind, entry.first, entry.second, missing, entry.line))
            continue
        if first == second:
            if posixpath.normpath(entry.first) == posixpath.normpath(entry.second):
                raise RunnerError(f"{path}, line {entry.line}: {entry.first!r} is paired with itself; name two images")
            if entry.kind == "cannot_link":
                raise RunnerError(
                    f"{path}, line {entry.line}: {entry.first!r} and {entry.second!r} are names of one file, which "
                    "can't be apart from itself; remove the pair"
                )
            continue  # what is one file is together already
        pair = min(first, second), max(first, second)
        lines[entry.kind].setdefault(pair, entry.line)
        if pair in lines["must_link"] and pair in lines["cannot_link"]:
            raise RunnerError(
                f"{path}: {entry.first!r} and {entry.second!r} are in must_link (line {lines['must_link'][pair]}) "
                f"and in cannot_link (line {lines['cannot_link'][pair]}); remove one of the two"
            )
    return Pairs(_as_array(lines["must_link"]), _as_array(lines["cannot_link"]), tuple(unmatched))


def pair_ids(path: Path, images: ImageSet) -> frozenset[str]:
    """Ids of all images that a pairs file names and the image set holds, for sampling to keep.

    Raises:
        RunnerError: the file can't be read or breaks the form described at ``read_pairs``.
    """
    names = ImageNames(images)
    rows = {names.find(name) for entry in _read_entries(path) for name in (entry.first, entry.second)}
    return frozenset(images.ids[row] for row in rows if row is not None)


@dataclass(frozen=True)
class _Entry:
    kind: PairKind
    first: str
    second: str
    line: int


def _as_array(pairs: dict[tuple[int, int], int]) -> np.ndarray:
    return np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)


def _read_entries(path: Path) -> list[_Entry]:
    reader = {".yaml": _yaml_entries, ".yml": _yaml_entries, ".csv": _csv_entries}.get(path.suffix.lower())
    if reader is None:
        raise RunnerError(f"the pairs file {path} must end in .yaml, .yml or .csv")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise RunnerError(f"the pairs file {path} is not UTF-8 text ({error}); save it as UTF-8") from error
    except OSError as error:
        raise RunnerError(f"the pairs file {path} can't be read ({error.strerror or error}); check its name") from error
    return list(reader(path, text))


def _csv_entries(path: Path, text: str) -> Iterator[_Entry]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        missing = [column for column in _COLUMNS if column not in (reader.fieldnames or ())]
        if missing:
            raise RunnerError(
                f"{path}, line 1: no column {', '.join(missing)}; the header must be {','.join(_COLUMNS)}"
            )
        for row in reader:
            first, second, kind = (row[column] for column in _COLUMNS)
            if not first or not second:
                raise RunnerError(f"{path}, line {reader.line_num}: a pair needs two names, first and second")
            if kind not in _KINDS:
                raise RunnerError(
                    f"{path}, line {reader.line_num}: kind must be must_link or cannot_link, not {kind!r}"
                )
            yield _Entry(cast(PairKind, kind), first, second, reader.line_num)
    except csv.Error as error:
        raise RunnerError(f"{path}, line {reader.line_num}: not valid CSV: {error}") from error


def _yaml_entries(path: Path, text: str) -> Iterator[_Entry]:
    """Pairs from YAML nodes rather than values: nodes know their line, and a name such as 0012 stays as written."""
    try:
        document = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise RunnerError(f"the pairs file {path} is not valid YAML: {error}") from error
    except RecursionError as error:
        raise RunnerError(f"the pairs file {path} is nested too deep") from error
    if document is None:
        return
    if not isinstance(document, yaml.MappingNode):
        raise RunnerError(f"the pairs file {path} must hold must_link: and cannot_link:, each with a list of pairs")
    seen = set()
    for key, groups in document.value:
        where = f"{path}, line {key.start_mark.line + 1}"
        if key.value not in _KINDS:
            raise RunnerError(f"{where}: the keys are must_link and cannot_link, not {key.value!r}")
        if key.value in seen:
            raise RunnerError(f"{where}: {key.value} is there twice; join the two lists")
        seen.add(key.value)
        if isinstance(groups, yaml.ScalarNode) and not groups.value:
            continue
        if not isinstance(groups, yaml.SequenceNode):
            raise RunnerError(f"{where}: {key.value} must be a list of pairs such as [a.jpg, b.jpg]")
        for group in groups.value:
            line = group.start_mark.line + 1
            for first, second in combinations(_group_names(path, line, group), 2):
                yield _Entry(key.value, first, second, line)


def _group_names(path: Path, line: int, group: yaml.Node) -> Sequence[str]:
    names = group.value if isinstance(group, yaml.SequenceNode) else []
    if len(names) < 2 or not all(isinstance(name, yaml.ScalarNode) and name.value for name in names):
        raise RunnerError(f"{path}, line {line}: a pair is a list of two or more names such as [a.jpg, b.jpg]")
    return [name.value for name in names]
