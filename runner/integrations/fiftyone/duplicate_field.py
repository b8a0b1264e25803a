"""Groups of duplicates as a field of a dataset: a ``Classification`` for each sample that is in a group."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import TYPE_CHECKING

from runner.integrations.fiftyone.connection import database_errors
from runner.integrations.fiftyone.field_names import checked_prefix
from runner.integrations.fiftyone.field_record import INFO_KEY

if TYPE_CHECKING:
    from fiftyone import Dataset

    from runner.duplicates.groups import DuplicateGroup
    from runner.images.image_set import ImageSet

_KIND = "duplicates"


def write_duplicate_field(
    dataset: Dataset, groups: Sequence[DuplicateGroup], images: ImageSet, *, name: str = _KIND, description: str = ""
) -> str:
    """Write the groups, in place of those that an earlier search wrote under this name.

    The label is ``group 001``, the largest first; the confidence is the similarity to the group's representative;
    ``is_representative`` and ``keep`` say which sample stands for the group, and which ones stay. Samples without a
    duplicate get no value.

    Args:
        dataset: where the samples are.
        groups: what was found.
        images: the samples that the rows of the groups stand for; all that show one file get the same value.
        name: of the field; where the user has a field of that name, the new one gets a number.
        description: what the App shows of it.

    Returns:
        the field's name.

    Raises:
        UsageError: an unfit name.
        RunnerError: the database can't be reached.
    """
    import fiftyone as fo

    checked_prefix(name)
    values = {
        sample_id: fo.Classification(
            label=f"group {number:03d}",
            confidence=member.similarity,
            is_representative=member.row == group.representative,
            keep=member.keep,
        )
        for number, group in enumerate(groups, start=1)
        for member in group.members
        for sample_id in images.names_of(member.row)
    }
    with database_errors():
        dataset.reload()
        field = next(one for one in (name if n == 1 else f"{name}_{n}" for n in count(1)) if _is_free(dataset, one))
        if dataset.get_field(field) is not None:
            dataset.clear_sample_field(field)
        else:
            dataset.add_sample_field(
                field,
                fo.EmbeddedDocumentField,
                embedded_doc_type=fo.Classification,
                description=f"ImageSweep: {description or 'duplicates'}",
                info={INFO_KEY: {"kind": _KIND}},
            )
            for attribute in ("is_representative", "keep"):
                dataset.add_sample_field(f"{field}.{attribute}", fo.BooleanField)
        dataset.set_values(field, values, key_field="id", expand_schema=False, validate=False)
    return field


def _is_free(dataset: Dataset, name: str) -> bool:
    """Whether the name is not taken, or taken by a field of ours of this kind."""
    field = dataset.get_field(name)
    return field is None or ((field.info or {}).get(INFO_KEY) or {}).get("kind") == _KIND
