"""What a cluster field says about itself, in its ``info``: how we know a field of ours from one of the user's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from runner.integrations.fiftyone.connection import database_errors

if TYPE_CHECKING:
    from fiftyone import Dataset

INFO_KEY = "imagesweep"
"""Our own part of what FiftyOne lets anybody keep: fields' and datasets' ``info``, runs' configs."""


class ClusterName(BaseModel):
    """A name of a cluster, and whether a person chose it: such a name is never replaced by a machine's.

    ``former`` are the names it had before.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    by_person: bool = False
    former: tuple[str, ...] = ()


class FieldRecord(BaseModel):
    """Of one cluster field.

    ``complete`` is False from before the first value is written until after the last. ``digest`` identifies images and
    labels, ``views`` are the saved views made for the field (None: not yet), ``names`` those of clusters by number.
    """

    model_config = ConfigDict(frozen=True)

    trial: str
    digest: str
    experiment: str
    out: str
    title: str
    complete: bool = False
    n_clusters: int
    names: dict[str, ClusterName] = {}
    views: tuple[str, ...] | None = None


def cluster_fields(dataset: Dataset) -> dict[str, FieldRecord]:
    """All cluster fields of ours in a dataset, whole or not, by name; of fields that others made, none."""
    with database_errors():
        fields = dataset.get_field_schema()
    records = {name: _record(field.info) for name, field in fields.items()}
    return {name: record for name, record in records.items() if record is not None}


def save_record(dataset: Dataset, name: str, record: FieldRecord) -> None:
    """Replace what a field says about itself; that is one atomic write."""
    with database_errors():
        field = dataset.get_field(name)
        field.info = {**(field.info or {}), INFO_KEY: record.model_dump(mode="json")}
        field.description = describe(record)
        field.save()


def describe(record: FieldRecord) -> str:
    """The field's description in the App."""
    if record.complete:
        return f"ImageSweep: {record.title}; {record.n_clusters} clusters"
    return f"ImageSweep: INCOMPLETE, writing was interrupted; writing the same trial again completes it. {record.title}"


def _record(info: Any) -> FieldRecord | None:
    try:
        return FieldRecord.model_validate(info[INFO_KEY])
    except (TypeError, KeyError, ValidationError):
        return None
