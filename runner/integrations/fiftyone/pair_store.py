"""Pairs of samples that a person wants together, or apart, kept with the dataset."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from runner.errors import RunnerError, UsageError
from runner.images.constraints import PairKind
from runner.integrations.fiftyone.connection import database_errors
from runner.utils.atomic import write_text

if TYPE_CHECKING:
    from fiftyone import Dataset

Pair = tuple[str, str]
"""Two sample ids, the smaller first."""

MOST_BYTES = 4 * 2**20
"""Of all pairs together. They are kept in the dataset's own document, of which MongoDB takes 16 MB, and which also
holds its fields, views and runs."""

_INFO = "imagesweep"
_PAIRS = "pairs"


@dataclass(frozen=True)
class SamplePairs:
    """All pairs of a dataset, each once, in the order in which they were added; no pair is of both kinds."""

    must_link: tuple[Pair, ...] = ()
    cannot_link: tuple[Pair, ...] = ()

    def __len__(self) -> int:
        return len(self.must_link) + len(self.cannot_link)

    def of(self, kind: PairKind) -> tuple[Pair, ...]:
        return self.must_link if kind == "must_link" else self.cannot_link


@dataclass(frozen=True)
class PairsAdded:
    """What came of adding pairs.

    Attributes:
        added: pairs that are new.
        moved: pairs that were of the other kind until now: what a person says last, holds.
        known: pairs that were there already.
    """

    added: int
    moved: int
    known: int


def read_sample_pairs(dataset: Dataset) -> SamplePairs:
    """The pairs kept with the dataset, as they are in the database now."""
    with database_errors():
        dataset.reload()
        kept = (dataset.info.get(_INFO) or {}).get(_PAIRS) or {}
    return SamplePairs(*(tuple(_ordered(*pair) for pair in kept.get(kind) or ()) for kind in _kinds()))


def add_pairs(dataset: Dataset, kind: PairKind, sample_ids: Sequence[str]) -> PairsAdded:
    """Keep every two of the samples as a pair: all belong together, or each apart from each.

    Raises:
        UsageError: fewer than two different samples.
        RunnerError: an id is no sample of the dataset, or the pairs would not fit into the dataset's document.
    """
    ids = tuple(dict.fromkeys(sample_ids))
    if len(ids) < 2:
        raise UsageError(f"a pair needs two different samples, not {len(ids)}; select two or more")
    _require_samples(dataset, ids)
    known = read_sample_pairs(dataset)
    fresh = dict.fromkeys(_ordered(first, second) for first, second in combinations(ids, 2))
    other: PairKind = "cannot_link" if kind == "must_link" else "must_link"
    before, against = set(known.of(kind)), set(known.of(other))
    pairs = {
        kind: tuple(dict.fromkeys([*known.of(kind), *fresh])),
        other: tuple(pair for pair in known.of(other) if pair not in fresh),
    }
    _keep(dataset, SamplePairs(**pairs))
    moved = len(against & fresh.keys())
    return PairsAdded(len(fresh.keys() - before) - moved, moved, len(before & fresh.keys()))


def remove_pairs(dataset: Dataset, sample_ids: Iterable[str] | None = None) -> int:
    """Forget the pairs whose two samples are both in ``sample_ids``, or those of a single one given; all, without ids.

    Returns:
        how many were forgotten.
    """
    known = read_sample_pairs(dataset)
    ids = None if sample_ids is None else set(sample_ids)

    def stays(pair: Pair) -> bool:
        if ids is None:
            return False
        return not (ids & set(pair)) if len(ids) == 1 else not ids.issuperset(pair)

    left = SamplePairs(*(tuple(pair for pair in known.of(kind) if stays(pair)) for kind in _kinds()))
    if len(left) != len(known):
        _keep(dataset, left)
    return len(known) - len(left)


def write_pairs_file(dataset: Dataset, path: Path) -> SamplePairs:
    """Write the pairs in the form that ``--pairs`` reads; pairs of samples that were deleted are left out.

    Returns:
        the pairs that were written.
    """
    known = read_sample_pairs(dataset)
    with database_errors():
        samples = set(dataset.values("id"))
    alive = SamplePairs(*(tuple(pair for pair in known.of(kind) if samples.issuperset(pair)) for kind in _kinds()))
    write_text(path, yaml.safe_dump({kind: [list(pair) for pair in alive.of(kind)] for kind in _kinds()}))
    return alive


def _kinds() -> tuple[PairKind, PairKind]:
    return "must_link", "cannot_link"


def _ordered(first: str, second: str) -> Pair:
    return (first, second) if first < second else (second, first)


def _require_samples(dataset: Dataset, ids: Sequence[str]) -> None:
    from bson import ObjectId

    invalid = [one for one in ids if not ObjectId.is_valid(one)]
    if not invalid:
        with database_errors():
            present = set(dataset.select(list(ids)).values("id"))
        invalid = [one for one in ids if one not in present]
    if invalid:
        raise RunnerError(f"{invalid[0]!r} is no sample of the dataset {dataset.name!r}; select whole samples")


def _keep(dataset: Dataset, pairs: SamplePairs) -> None:
    from bson import encode

    content: dict[str, list[list[str]]] = {kind: [list(pair) for pair in pairs.of(kind)] for kind in _kinds()}
    size = len(encode(content))
    if size > MOST_BYTES:
        raise RunnerError(
            f"{len(pairs):,} pairs take {size / 2**20:.1f} MB, and a dataset can keep {MOST_BYTES >> 20} MB of them; "
            "select fewer samples at a time, or give a pairs file with --pairs"
        )
    with database_errors():
        own = dict(dataset.info.get(_INFO) or {})
        own[_PAIRS] = content
        dataset.info[_INFO] = own
        dataset.save()
