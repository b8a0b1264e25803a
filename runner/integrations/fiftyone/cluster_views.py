"""Views that show a clustering: its clusters, its noise, its borders, its centres, and where two clusterings differ."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from runner.errors import UsageError
from runner.integrations.fiftyone.cluster_values import NOISE_LABEL
from runner.integrations.fiftyone.connection import database_errors

if TYPE_CHECKING:
    from fiftyone import Dataset, DatasetView

MARK = "ImageSweep view"
"""Begins the description of every view that we save."""


def largest_first(dataset: Dataset, field: str) -> DatasetView:
    """All samples that have a value, cluster by cluster, the largest first; noise is a group like the others.

    Sorted rather than grouped: MongoDB would gather each cluster's documents into one, of which it takes 16 MB.
    """
    return dataset.exists(field).sort_by([(f"{field}.cluster_size", -1), (f"{field}.cluster_id", 1), ("id", 1)])


def clusters(dataset: Dataset, field: str) -> DatasetView:
    """A dynamic group per cluster, whose samples follow from the best fitting to the worst."""
    return dataset.exists(field).group_by(f"{field}.label", order_by=f"{field}.confidence", reverse=True)


def noise(dataset: Dataset, field: str) -> DatasetView:
    """Samples that belong to no cluster."""
    from fiftyone import ViewField as F

    return dataset.match(F(f"{field}.cluster_id") == -1)


def borderline(dataset: Dataset, field: str) -> DatasetView:
    """Clustered samples, the one that fits its cluster worst first."""
    from fiftyone import ViewField as F

    return dataset.match(F(f"{field}.cluster_id") >= 0).sort_by(f"{field}.confidence")


def medoids(dataset: Dataset, field: str) -> DatasetView:
    """The most typical sample of each cluster, the largest cluster first."""
    from fiftyone import ViewField as F

    return dataset.match(F(f"{field}.is_medoid") == True).sort_by(f"{field}.cluster_size", reverse=True)  # noqa: E712


KINDS: dict[str, Callable[[Dataset, str], DatasetView]] = {
    "largest first": largest_first,
    "clusters": clusters,
    NOISE_LABEL: noise,
    "borderline": borderline,
    "medoids": medoids,
}
"""The views that are saved for every cluster field."""


def save_cluster_views(dataset: Dataset, field: str, name: str) -> tuple[str, ...]:
    """Save the views of ``KINDS`` under new names; views that are there already stay as they are.

    Args:
        dataset: that has the field.
        field: a whole cluster field.
        name: of the clustering, short; the views' names begin with it.

    Returns:
        the names; a view of ours that shows the same is taken for the new one. There is none of the noise of a
        clustering without noise.
    """
    views = {kind: view(dataset, field) for kind, view in KINDS.items()}
    with database_errors():
        if not views[NOISE_LABEL]:
            del views[NOISE_LABEL]
    return tuple(save_new_view(dataset, f"{name}: {kind}", view, f"{kind} of {field}") for kind, view in views.items())


def save_new_view(dataset: Dataset, name: str, view: DatasetView, description: str) -> str:
    """Save a view, under a name with a number where the name is taken by another view.

    Returns:
        the name it has.
    """
    with database_errors():
        for number in count(1):
            candidate = name if number == 1 else f"{name} ({number})"
            try:
                dataset.save_view(candidate, view, description=f"{MARK}: {description}")
            except ValueError:
                if _is_ours(dataset, candidate, description):
                    return candidate
                continue
            return candidate
    raise AssertionError("numbers don't end")


def own_views(dataset: Dataset, names: tuple[str, ...]) -> tuple[str, ...]:
    """Those of ``names`` that are still there and still ours."""
    with database_errors():
        return tuple(name for name in names if dataset.has_saved_view(name) and _is_ours(dataset, name))


def _is_ours(dataset: Dataset, name: str, description: str = "") -> bool:
    if not dataset.has_saved_view(name):
        return False
    found = dataset.get_saved_view_info(name)["description"] or ""
    return found == f"{MARK}: {description}" if description else found.startswith(MARK)


def disagreement_view(dataset: Dataset, field_a: str, field_b: str) -> DatasetView:
    """Samples whose cluster in ``field_b`` is not the one that most of their cluster in ``field_a`` are in.

    Samples that are noise in ``field_a``, or have no value in either, are left out; noise in ``field_b`` counts as one
    more cluster. Sorted by cluster of ``field_a``.

    Raises:
        UsageError: a field that is no cluster field.
    """
    from fiftyone import ViewField as F

    for field in (field_a, field_b):
        if dataset.get_field(f"{field}.cluster_id") is None:
            raise UsageError(f"{field!r} is no cluster field of the dataset {dataset.name!r}")
    in_a, in_b = (f"{field}.cluster_id" for field in (field_a, field_b))
    both = dataset.exists(in_a).exists(in_b).match(F(in_a) >= 0)
    with database_errors():
        pairs = np.array(both.values([in_a, in_b]), dtype=np.int64).T
    match = _majority(pairs)
    if not match:
        return both
    return both.match(F(in_b) != F(in_a).map_values(match)).sort_by(in_a)


def _majority(pairs: np.ndarray) -> dict[Any, Any]:
    """For each value of the first column, the most frequent one of the second (the smallest of several)."""
    kinds, counts = np.unique(pairs.reshape(-1, 2), axis=0, return_counts=True)
    best: dict[int, int] = {}
    for row in np.lexsort((kinds[:, 1], -counts)).tolist():
        best.setdefault(int(kinds[row, 0]), int(kinds[row, 1]))
    return best
