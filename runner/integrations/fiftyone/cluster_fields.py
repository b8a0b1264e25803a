"""Clusterings as fields of a dataset: a ``Classification`` per sample, and views to look at them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.integrations.fiftyone.cluster_names import labels_of, merged_names
from runner.integrations.fiftyone.cluster_values import ClusterValues, cluster_values
from runner.integrations.fiftyone.cluster_views import save_cluster_views
from runner.integrations.fiftyone.connection import database_errors
from runner.integrations.fiftyone.dataset_source import require_plain_images
from runner.integrations.fiftyone.field_names import checked_prefix, field_name
from runner.integrations.fiftyone.field_record import INFO_KEY, FieldRecord, cluster_fields, describe, save_record
from runner.integrations.fiftyone.matching import MatchedSamples, match_samples
from runner.results.display_names import trial_name
from runner.results.files import read_summary
from runner.results.summary import EmbeddingRecord, Summary

if TYPE_CHECKING:
    from fiftyone import Dataset

SAMPLES_AT_A_TIME = 5_000
"""Written in one call: large enough for full speed, small enough for progress to show and memory to stay flat."""

Progress = Callable[[int, int], None]
"""Told how many of how many values are written; what it raises ends the writing."""

Names = Mapping[str, Mapping[int, str]]
"""Names of clusters: by trial id, then by number of the cluster."""


@dataclass(frozen=True)
class WrittenField:
    """What came of writing one trial.

    Attributes:
        field: its name.
        trial: the trial's id.
        n_clusters: clusters.
        n_samples: samples that have a value.
        n_deleted: images of the results that are no longer samples of the dataset.
        views: saved views that show the field.
        kept: whether the field was there already, whole, and was left as it was.
        note: something worth telling the user; empty if there is nothing.
    """

    field: str
    trial: str
    n_clusters: int
    n_samples: int
    n_deleted: int
    views: tuple[str, ...]
    kept: bool = False
    note: str = ""


def write_cluster_fields(
    dataset: Dataset,
    out: Path,
    trial_ids: Sequence[str],
    *,
    prefix: str = "clusters",
    names: Names | None = None,
    rewrite: bool = False,
    progress: Progress = lambda done, total: None,
) -> list[WrittenField]:
    """Write trials of finished results as fields, in one pass per field after everything has been computed.

    A value is a ``Classification``: its label is ``cluster 007``, the cluster's name, or ``noise``; its confidence says
    how well the sample sits in its cluster (see ``ClusterValues``; none for noise); ``cluster_id`` (-1 is noise) and
    ``cluster_size`` are whole numbers, and ``is_medoid`` marks the sample nearest to its cluster's mean. Samples added
    since get no value. A field that is not whole says so, and is completed by the next call. A field of that name that
    is not ours, or shows another clustering, stays as it is: the new one gets a number.

    Args:
        dataset: where the samples are.
        out: the results folder; its images are sample ids, or files that samples show.
        trial_ids: what to write.
        prefix: of the fields' names.
        names: of clusters, chosen by a machine; a person's own stay.
        rewrite: write fields of ours anew that are there and whole; labels that were edited by hand are lost.
        progress: called with how many of how many values are written.

    Raises:
        UsageError: an unfit prefix, or a trial without labels.
        RunnerError: the results have nothing to do with the dataset, their vectors are gone, media that are no images,
            or a database that can't be reached. Fields that were written until then stay, and are whole.
    """
    checked_prefix(prefix)
    with database_errors():
        dataset.reload()  # as it is now, if it still is
    require_plain_images(dataset)
    summary = read_summary(out)
    values = [cluster_values(out, summary, trial_id) for trial_id in dict.fromkeys(trial_ids)]
    if not values:
        return []
    samples = match_samples(dataset, out, values[0].images, summary.images)
    plans = [_plan(dataset, out, summary, one, prefix, (names or {}).get(one.trial.id, {})) for one in values]
    todo = [rewrite or not plan.record.complete for plan in plans]
    total, done = len(samples) * sum(todo), 0
    written = []
    for plan, writes in zip(plans, todo, strict=True):
        if writes:
            offset = done
            _write_values(dataset, plan, samples, lambda part, start=offset: progress(start + part, total))  # type: ignore[misc]
            done += len(samples)
        written.append(_finished(dataset, plan, samples, kept=not writes))
    return written


@dataclass(frozen=True)
class _Plan:
    """One field to write: its values, its name, and what it will say about itself."""

    values: ClusterValues
    field: str
    record: FieldRecord
    note: str


def _plan(
    dataset: Dataset, out: Path, summary: Summary, values: ClusterValues, prefix: str, names: Mapping[int, str]
) -> _Plan:
    embedding = next(record for record in summary.embeddings if record.key == values.trial.embedding)
    wanted = field_name(prefix, embedding, values.trial)
    known = {name: record for name, record in cluster_fields(dataset).items() if record.digest == values.digest}
    same = [name for name in known if re.fullmatch(rf"{wanted}(_\d+)?", name) and known[name].trial == values.trial.id]
    field = same[0] if same else _free_name(dataset, wanted)
    former = known.get(field)
    record = FieldRecord(
        trial=values.trial.id,
        digest=values.digest,
        experiment=summary.experiment.fingerprint,
        out=str(out.expanduser().resolve()),
        title=_title(embedding, values),
        complete=former is not None and former.complete,
        n_clusters=values.n_clusters,
        names=merged_names({} if former is None else former.names, names, values.n_clusters),
        views=None if former is None else former.views,
    )
    taken = f"a field {wanted} is there already and is not this clustering, which is now {field}"
    return _Plan(values, field, record, "" if field == wanted else taken)


def _title(embedding: EmbeddingRecord, values: ClusterValues) -> str:
    size = f" at {embedding.resolution} px" if embedding.resolution else ""
    return f"{trial_name(values.trial)}, {embedding.model}{size}"


def _free_name(dataset: Dataset, wanted: str) -> str:
    taken = set(dataset.get_field_schema())
    candidates = (wanted if number == 1 else f"{wanted}_{number}" for number in count(1))
    return next(name for name in candidates if name not in taken)


def _write_values(dataset: Dataset, plan: _Plan, samples: MatchedSamples, progress: Callable[[int], None]) -> None:
    """All values of one field; the mark that it is not whole comes first, and is taken away last."""
    import fiftyone as fo

    record = plan.record.model_copy(update={"complete": False})
    _declare(dataset, plan.field, record)
    label, values = labels_of(record), plan.values
    remedy = f"the field {plan.field} says that it is incomplete, and the same call writes it again"
    for start in range(0, len(samples), SAMPLES_AT_A_TIME):
        part = slice(start, start + SAMPLES_AT_A_TIME)
        rows = samples.rows[part]
        columns = (values.labels, values.confidence, values.sizes, values.medoids)
        chunk = {
            sample_id: fo.Classification(
                label=label[cluster],
                confidence=None if cluster < 0 else confidence,
                cluster_id=cluster,
                cluster_size=size,
                is_medoid=medoid,
            )
            for sample_id, cluster, confidence, size, medoid in zip(
                samples.ids[part], *(column[rows].tolist() for column in columns), strict=True
            )
        }
        with database_errors(remedy):
            dataset.set_values(plan.field, chunk, key_field="id", expand_schema=False, validate=False)
        progress(start + len(chunk))
    with database_errors(remedy):
        dataset.reload()  # fails if the dataset has been deleted meanwhile
    save_record(dataset, plan.field, record.model_copy(update={"complete": True}))


def _declare(dataset: Dataset, field: str, record: FieldRecord) -> None:
    """Add the field to the schema, marked as incomplete in the same write; or mark the one that is there."""
    import fiftyone as fo

    if dataset.get_field(field) is not None:
        save_record(dataset, field, record)
        return
    attributes: dict[str, Any] = {"cluster_id": fo.IntField, "cluster_size": fo.IntField, "is_medoid": fo.BooleanField}
    with database_errors():
        dataset.add_sample_field(
            field,
            fo.EmbeddedDocumentField,
            embedded_doc_type=fo.Classification,
            description=describe(record),
            info={INFO_KEY: record.model_dump(mode="json")},
        )
        for name, kind in attributes.items():
            dataset.add_sample_field(f"{field}.{name}", kind)


def _finished(dataset: Dataset, plan: _Plan, samples: MatchedSamples, kept: bool) -> WrittenField:
    """Make the views of a whole field, where that has not been done."""
    views = plan.record.views
    if views is None:
        views = save_cluster_views(dataset, plan.field, trial_name(plan.values.trial))
        save_record(dataset, plan.field, plan.record.model_copy(update={"complete": True, "views": views}))
    return WrittenField(
        field=plan.field,
        trial=plan.values.trial.id,
        n_clusters=plan.values.n_clusters,
        n_samples=len(samples),
        n_deleted=samples.n_deleted,
        views=views,
        kept=kept,
        note=plan.note,
    )
