"""Groups of near-duplicates: which image represents each, and which are kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runner.cluster.graph.cuts import lowest_inner_similarities
from runner.duplicates.image_quality import ImageFacts, measure_images
from runner.duplicates.k_center import k_center
from runner.duplicates.links import Links

LARGEST_COMPARED_GROUP = 50
"""Members up to which all pairs of a group are compared where images are and not vectors."""


@dataclass(frozen=True)
class Member:
    """An image of a group.

    Attributes:
        row: of the image set.
        similarity: to the group's representative.
        facts: its size and sharpness.
        keep: whether it stays.
    """

    row: int
    similarity: float
    facts: ImageFacts
    keep: bool


@dataclass(frozen=True)
class DuplicateGroup:
    """Images linked with each other, directly or through others.

    Attributes:
        members: the representative first, then the others that are kept, then those that are dropped; each part from
            the most to the least similar to the representative.
        lowest_similarity: of any two members, since a chain may join what is not alike; None where the group is too
            large to measure it.
    """

    members: tuple[Member, ...]
    lowest_similarity: float | None

    @property
    def representative(self) -> int:
        """Row of the image that stands for the group: the most pixels, then the sharpest, then the first name."""
        return self.members[0].row

    @property
    def kept(self) -> list[int]:
        """Rows of the images to keep."""
        return [member.row for member in self.members if member.keep]

    @property
    def dropped(self) -> list[int]:
        """Rows of the images to drop."""
        return [member.row for member in self.members if not member.keep]


def duplicate_groups(links: Links, threshold: float, keep_per_group: int = 1) -> list[DuplicateGroup]:
    """The groups at a threshold, the largest first.

    Args:
        links: how alike the images are.
        threshold: similarity from which on two images are linked.
        keep_per_group: how many of each group stay; beyond the representative, the ones that differ most from those
            kept already (k-center).
    """
    labels = links.tree.groups(threshold)
    order = np.argsort(labels, kind="stable")[np.count_nonzero(labels < 0) :]
    facts = dict(zip(order.tolist(), measure_images([links.images.paths[row] for row in order]), strict=True))
    lowest = _lowest_similarities(links, labels)
    ends = np.cumsum(np.bincount(labels[order]))
    return [
        _group(links, rows, facts, keep_per_group, lowest[number])
        for number, rows in enumerate(np.split(order, ends[:-1]) if len(order) else [])
    ]


def _group(
    links: Links, rows: np.ndarray, facts: dict[int, ImageFacts], keep: int, lowest: float | None
) -> DuplicateGroup:
    ids = links.images.ids
    by_worth = sorted(rows.tolist(), key=lambda row: (-facts[row].pixels, -facts[row].sharpness, ids[row]))
    kept = set(_kept(links, by_worth, keep))
    similarities = links.similarities(by_worth[0], np.array(by_worth)).tolist()
    members = [
        Member(row, float(similarity), facts[row], row in kept)
        for row, similarity in zip(by_worth, similarities, strict=True)
    ]
    others = sorted(members[1:], key=lambda member: (not member.keep, -member.similarity))
    return DuplicateGroup((members[0], *others), lowest)


def _kept(links: Links, by_worth: list[int], keep: int) -> list[int]:
    if links.only_equal:
        return by_worth[:keep]
    rows = np.array(by_worth)
    return [by_worth[place] for place in k_center(lambda place: links.similarities(by_worth[place], rows), 0, keep)]


def _lowest_similarities(links: Links, labels: np.ndarray) -> list[float | None]:
    groups = range(int(labels.max(initial=-1)) + 1)
    if links.only_equal:
        return [1.0] * len(groups)
    if links.vectors is None:
        return [_lowest_by_comparing(links, np.flatnonzero(labels == group)) for group in groups]
    lowest = links.similarity_of_cosine(lowest_inner_similarities(links.vectors, labels))
    return [None if np.isnan(value) else min(1.0, float(value)) for value in lowest]


def _lowest_by_comparing(links: Links, rows: np.ndarray) -> float | None:
    if len(rows) > LARGEST_COMPARED_GROUP:
        return None
    return min(float(links.similarities(int(row), rows).min()) for row in rows)
