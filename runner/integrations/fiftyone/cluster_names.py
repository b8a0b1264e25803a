"""Names of clusters in a field, given by machines or by people; what a person typed is never overwritten."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import TYPE_CHECKING

from runner.errors import UsageError
from runner.integrations.fiftyone.cluster_values import default_label
from runner.integrations.fiftyone.connection import database_errors
from runner.integrations.fiftyone.field_record import ClusterName, FieldRecord, cluster_fields, save_record

if TYPE_CHECKING:
    from fiftyone import Dataset

_SAMPLES_AT_A_TIME = 10_000


def name_field_clusters(
    dataset: Dataset, field: str, names: Mapping[int, str], *, by_person: bool = False
) -> dict[int, str]:
    """Put names into the labels of a cluster field.

    A cluster that a person has named keeps that name unless a person gives another; a sample whose label was edited in
    the App keeps that label in any case. A machine's name that another cluster has gets a number; people may give
    several clusters the same name.

    Args:
        dataset: that has the field.
        field: a whole cluster field of ours.
        names: by number of the cluster.
        by_person: whether a person chose them.

    Returns:
        the names that were put in.

    Raises:
        UsageError: no such field, no such cluster, or an empty name.
        RunnerError: the database can't be reached; the same call goes on.
    """
    with database_errors():
        dataset.reload()
    record = cluster_fields(dataset).get(field)
    if record is None or not record.complete:
        raise UsageError(f"{field!r} is no complete cluster field of the dataset {dataset.name!r}")
    merged = merged_names(record.names, names, record.n_clusters, by_person=by_person)
    changed = {int(key): name for key, name in merged.items() if record.names.get(key) != name}
    # The record first: it knows all former names, so that what is left to do after a crash is not taken for a person's.
    record = record.model_copy(update={"names": merged})
    save_record(dataset, field, record)
    _relabel(dataset, field, record)
    return {cluster: name.name for cluster, name in changed.items()}


def labels_of(record: FieldRecord) -> dict[int, str]:
    """The label of each cluster of a field, noise (-1) included."""
    named = {int(key): name.name for key, name in record.names.items()}
    return {cluster: named.get(cluster, default_label(cluster)) for cluster in range(-1, record.n_clusters)}


def merged_names(
    known: Mapping[str, ClusterName], wanted: Mapping[int, str], n_clusters: int, *, by_person: bool = False
) -> dict[str, ClusterName]:
    """The names that hold after new ones were given: a person's stay, and machines' are all different.

    Args:
        known: names so far.
        wanted: new ones.
        n_clusters: of the field.
        by_person: whether a person chose the new ones.

    Raises:
        UsageError: no such cluster, or an empty name.
    """
    merged = dict(known)
    for cluster, text in wanted.items():
        name, before = " ".join(text.split()), known.get(str(cluster))
        if not 0 <= cluster < n_clusters:
            raise UsageError(f"there is no cluster {cluster}; clusters are numbered 0 to {n_clusters - 1}")
        if not name:
            raise UsageError(f"the name of cluster {cluster} is empty")
        if not by_person:
            if before is not None and before.by_person:
                continue
            taken = {one.name for key, one in merged.items() if key != str(cluster)}
            name = next(one for one in (name if n == 1 else f"{name} {n}" for n in count(1)) if one not in taken)
        former = () if before is None else tuple(dict.fromkeys([*before.former, before.name]))
        if before is None or (before.name, before.by_person) != (name, by_person):
            merged[str(cluster)] = ClusterName(name=name, by_person=by_person, former=former)
    return merged


def _relabel(dataset: Dataset, field: str, record: FieldRecord) -> None:
    """Bring the samples' labels up to date, but for those that are none of ours."""
    label = labels_of(record)
    ours = {cluster: {default_label(cluster)} for cluster in label}
    for key, name in record.names.items():
        ours[int(key)] |= {*name.former, name.name}
    with database_errors("call it again to go on"):
        rows = zip(*dataset.exists(field).values(["id", f"{field}.cluster_id", f"{field}.label"]), strict=True)
        todo = [(one, label[c]) for one, c, now in rows if c in label and now != label[c] and now in ours[c]]
        for start in range(0, len(todo), _SAMPLES_AT_A_TIME):
            dataset.set_values(
                f"{field}.label", dict(todo[start : start + _SAMPLES_AT_A_TIME]), key_field="id", validate=False
            )
