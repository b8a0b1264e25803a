"""Names of clusters in a field, given by machines or by people; what a person typed is never overwritten."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from runner.errors import UsageError
from runner.fields.cluster_values import default_label
from runner.fields.connection import database_errors
from runner.fields.field_record import ClusterName, cluster_fields, save_record

if TYPE_CHECKING:
    from fiftyone import Dataset


def name_field_clusters(
    dataset: Dataset, field: str, names: Mapping[int, str], *, by_person: bool = False
) -> dict[int, str]:
    """Put names into the labels of a cluster field.

    A cluster that a person has named keeps that name unless a person gives another; a sample whose label was edited in
    the App keeps that label in any case.

    Args:
        dataset: that has the field.
        field: a whole cluster field of ours.
        names: by number of the cluster; different names for different clusters.
        by_person: whether a person chose them.

    Returns:
        the names that were put in.

    Raises:
        UsageError: no such field, no such cluster, an empty name, or one that another cluster has.
        RunnerError: the database can't be reached; the same call goes on.
    """
    from fiftyone import ViewField as F

    record = cluster_fields(dataset).get(field)
    if record is None or not record.complete:
        raise UsageError(f"{field!r} is no complete cluster field of the dataset {dataset.name!r}")
    wanted = {cluster: " ".join(name.split()) for cluster, name in names.items()}
    if not by_person:
        wanted = {cluster: name for cluster, name in wanted.items() if not _by_person(record.names, cluster)}
    label = {cluster: default_label(cluster) for cluster in range(-1, record.n_clusters)}
    label |= {int(cluster): name.name for cluster, name in record.names.items()}
    _check({**label, **wanted}, wanted, record.n_clusters)
    for cluster, name in wanted.items():
        with database_errors("call it again to go on"):
            view = dataset.match((F(f"{field}.cluster_id") == cluster) & (F(f"{field}.label") == label[cluster]))
            view.set_field(f"{field}.label", name).save(field)
        record = record.model_copy(
            update={"names": {**record.names, str(cluster): ClusterName(name=name, by_person=by_person)}}
        )
        save_record(dataset, field, record)
    return wanted


def _by_person(names: Mapping[str, ClusterName], cluster: int) -> bool:
    return str(cluster) in names and names[str(cluster)].by_person


def _check(all_names: Mapping[int, str], wanted: Mapping[int, str], n_clusters: int) -> None:
    for cluster, name in wanted.items():
        if not 0 <= cluster < n_clusters:
            raise UsageError(f"there is no cluster {cluster}; clusters are numbered 0 to {n_clusters - 1}")
        if not name:
            raise UsageError(f"the name of cluster {cluster} is empty")
        other = next((number for number, one in all_names.items() if one == name and number != cluster), None)
        if other is not None:
            raise UsageError(f"clusters {other} and {cluster} can't both be called {name!r}; choose different names")
