"""Pairs of images that a person wants together, or apart."""

from __future__ import annotations

import posixpath
from array import array
from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, repeat
from math import comb
from pathlib import Path

import numpy as np

from runner.errors import RunnerError
from runner.images.image_set import ImageSet
from runner.images.lookup import ImageNames
from runner.images.pairs_file import KINDS, NamedGroup, PairKind, read_groups

MOST_PAIRS = 5_000_000
"""In one file, those that larger groups stand for counted: some seconds' work, and some hundred megabytes."""

MOST_TOLD = 1_000
"""Pairs with an unknown image that are listed one by one."""


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
        unmatched: pairs left out because an image is not in the set, the first ``MOST_TOLD`` of them.
        n_unmatched: how many of these there are in all.
    """

    must_link: np.ndarray
    cannot_link: np.ndarray
    unmatched: tuple[UnmatchedPair, ...] = ()
    n_unmatched: int = 0


def read_pairs(path: Path, images: ImageSet) -> Pairs:
    """Read a pairs file and find its images.

    YAML: ``must_link`` and ``cannot_link``, each a list of groups of two or more names; a larger group stands for all
    its pairs. CSV: columns ``first``, ``second`` and ``kind``, with commas, semicolons or tabs between them. A name is
    found as ``ImageNames`` finds it: a path relative to the root of the images, an absolute path, or a sample id.

    Raises:
        RunnerError: the file can't be read or breaks this form, an image is paired with itself, two names of one file
            are to be kept apart, the same two images are in both lists, or there are more than ``MOST_PAIRS``.
    """
    names = ImageNames(images)
    found = {kind: _Found(kind, len(images)) for kind in KINDS}
    wanted = 0
    for group in read_groups(path):
        wanted += comb(len(group.names), 2)
        if wanted > MOST_PAIRS:
            raise RunnerError(
                f"{path}, line {group.line}: with the {len(group.names):,} names there, the file stands for more than "
                f"{MOST_PAIRS:,} pairs; leave some out"
            )
        found[group.kind].add(path, group, [names.find(name) for name in group.names])
    must, cannot = (found[kind].distinct() for kind in KINDS)
    _refuse_contradictions(path, images, must, cannot)
    unmatched = [pair for kind in KINDS for pair in found[kind].unmatched]
    return Pairs(
        _as_rows(must[0], len(images)),
        _as_rows(cannot[0], len(images)),
        tuple(unmatched[:MOST_TOLD]),
        sum(each.n_unmatched for each in found.values()),
    )


def pair_ids(path: Path, images: ImageSet) -> frozenset[str]:
    """Ids of all images that a pairs file names and the image set holds, for sampling to keep.

    Raises:
        RunnerError: the file can't be read or breaks the form described at ``read_pairs``.
    """
    names = ImageNames(images)
    rows = {names.find(name) for group in read_groups(path) for name in group.names}
    return frozenset(images.ids[row] for row in rows if row is not None)


@dataclass
class _Found:
    """The pairs of one kind as they are found, each as ``first * n_images + second``, with its line."""

    kind: PairKind
    n_images: int
    pairs: array[int] = field(default_factory=lambda: array("q"))
    lines: array[int] = field(default_factory=lambda: array("q"))
    unmatched: list[UnmatchedPair] = field(default_factory=list)
    n_unmatched: int = 0

    def add(self, path: Path, group: NamedGroup, rows: Sequence[int | None]) -> None:
        """Take all pairs of a group whose images are in these rows, None for an unknown one."""
        name_of: dict[int, str] = {}
        for name, row in zip(group.names, rows, strict=True):
            if row in name_of:
                self._check_same_file(f"{path}, line {group.line}", name_of[row], name)
            elif row is not None:
                name_of[row] = name
        known = sorted(name_of)
        count = comb(len(known), 2)
        for place, row in enumerate(known[:-1], start=1):
            self.pairs.extend(row * self.n_images + other for other in islice(known, place, None))
        self.lines.extend(repeat(group.line, count))
        n_known = sum(row is not None for row in rows)
        if n_known < len(rows):
            self.n_unmatched += comb(len(rows), 2) - comb(n_known, 2)
            self.unmatched += islice(_unmatched(group, rows), MOST_TOLD - len(self.unmatched))

    def _check_same_file(self, where: str, first: str, second: str) -> None:
        """Names of one file are together already, and can't be kept apart."""
        if posixpath.normpath(first) == posixpath.normpath(second):
            raise RunnerError(f"{where}: {first!r} is paired with itself; name two images")
        if self.kind == "cannot_link":
            raise RunnerError(
                f"{where}: {first!r} and {second!r} are names of one file, which can't be apart from itself; "
                "remove the pair"
            )

    def distinct(self) -> tuple[np.ndarray, np.ndarray]:
        """Each pair once, ascending, and the first line that has it; both int64, shape (n_pairs,)."""
        pairs, first = np.unique(np.frombuffer(self.pairs, np.int64), return_index=True)
        return pairs, np.frombuffer(self.lines, np.int64)[first]


def _unmatched(group: NamedGroup, rows: Sequence[int | None]) -> Iterator[UnmatchedPair]:
    """The pairs of a group with an unknown image, and no others looked at."""
    unknown = [place for place, row in enumerate(rows) if row is None]
    for place, name in enumerate(group.names):
        is_unknown = rows[place] is None
        others = range(place + 1, len(rows)) if is_unknown else unknown[bisect(unknown, place) :]
        for other in others:
            second = group.names[other]
            missing = [name] * is_unknown + [second] * (rows[other] is None)
            yield UnmatchedPair(group.kind, name, second, tuple(dict.fromkeys(missing)), group.line)


def _refuse_contradictions(
    path: Path, images: ImageSet, must: tuple[np.ndarray, np.ndarray], cannot: tuple[np.ndarray, np.ndarray]
) -> None:
    both, in_must, in_cannot = np.intersect1d(must[0], cannot[0], assume_unique=True, return_indices=True)
    if not len(both):
        return
    first, second = (images.ids[row] for row in divmod(int(both[0]), len(images)))
    raise RunnerError(
        f"{path}: {first!r} and {second!r} are in must_link (line {must[1][in_must[0]]}) "
        f"and in cannot_link (line {cannot[1][in_cannot[0]]}); remove one of the two"
    )


def _as_rows(pairs: np.ndarray, n_images: int) -> np.ndarray:
    return np.stack(np.divmod(pairs, max(1, n_images)), axis=1)
