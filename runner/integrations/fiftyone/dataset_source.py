"""The samples of a FiftyOne dataset as images: read where they lie, nothing is copied."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.errors import RunnerError, UsageError
from runner.images.image_set import ImageSet, SkippedImage
from runner.images.lookup import folder_labels
from runner.images.same_file import distinct_files
from runner.images.source import Source, SourceWishes, sampled
from runner.images.spellings import SpellingsOnDisk
from runner.integrations.fiftyone.connection import database_errors, load_dataset
from runner.utils.examine import examine, reason_of

if TYPE_CHECKING:
    from fiftyone.core.collections import SampleCollection

_FOLDER = "folder"


def open_dataset(
    name: str, wishes: SourceWishes, sample_ids: Sequence[str] | None = None, *, view: str | None = None
) -> Source:
    """The samples of a dataset, or some of them, as the images of an experiment.

    Ids and file paths (and labels, where asked for) are read in one projection. Two samples that show the same file
    are two names of one image; a sample whose file is missing is skipped, with the reason.

    Args:
        name: of the dataset.
        wishes: ``labels`` names a field of classifications or strings, or is ``folder``; ``targets`` are sample ids
            or file paths.
        sample_ids: only these samples, in the dataset's order; an id that is not in the dataset is skipped.
        view: name of a saved view: only its samples.

    Raises:
        RunnerError: no such dataset or view, media that are no images, or a database that can't be reached.
        UsageError: a label field that is not there or holds something else.
    """
    dataset = load_dataset(name)
    require_plain_images(dataset)
    label_path = _label_path(dataset, wishes.labels)
    samples = dataset if view is None else _saved_view(dataset, view)
    with database_errors():
        ids, files, *columns = samples.values(["id", "filepath", *([label_path] if label_path else [])])
    labels = columns[0] if columns else folder_labels(files) if wishes.labels == _FOLDER else None
    on_disk = SpellingsOnDisk()
    paths = [on_disk.find(Path(file)) for file in files]
    chosen, skipped = _chosen(name, ids, paths, sample_ids)
    images = distinct_files(
        ImageSet(
            ids=tuple(ids[row] for row in chosen),
            paths=tuple(paths[row] for row in chosen),
            labels=None if labels is None else tuple(labels[row] for row in chosen),
        )
    )
    taken, targets = sampled(images, wishes)
    return Source(
        name=name,
        location=f"FiftyOne dataset {name}" + (f", view {view}" if view else ""),
        images=taken,
        skipped=tuple(skipped),
        targets=targets,
        total=len(images),
        note=""
        if dataset.persistent
        else f"the dataset {name} is not persistent: FiftyOne deletes it after its session",
    )


def _saved_view(dataset: Any, name: str) -> Any:
    """A saved view of whole images; RunnerError where there is none of that name, with those that there are."""
    with database_errors():
        names = dataset.list_saved_views()
        if name not in names:
            there = f"it has {', '.join(names)}" if names else "it has none"
            raise RunnerError(f"the dataset {dataset.name!r} has no saved view {name!r}; {there}")
        view = dataset.load_saved_view(name)
    require_plain_images(view)
    return view


def require_plain_images(collection: SampleCollection) -> None:
    """Refuse what has no image file per sample.

    Args:
        collection: a dataset or a view.

    Raises:
        RunnerError: naming what it is, and what to do.
    """
    from fiftyone.core.clips import ClipsView
    from fiftyone.core.patches import EvaluationPatchesView, PatchesView
    from fiftyone.core.video import FramesView

    generated = {
        PatchesView: ("object patches", "export them with `view.export(…, dataset_type=fo.types.ImageDirectory)`"),
        EvaluationPatchesView: ("evaluation patches", "choose the dataset or a view of whole samples"),
        FramesView: ("frames of videos", "save them as a dataset: `dataset.to_frames(sample_frames=True).clone(NAME)`"),
        ClipsView: ("clips of videos", "choose a dataset of images"),
    }
    for kind, (what, remedy) in generated.items():
        if isinstance(collection, kind):
            raise RunnerError(f"{collection.dataset_name!r} is a view of {what}, which is not supported; {remedy}")
    media = collection.media_type
    if media in (None, "image"):
        return
    name = collection.dataset_name if hasattr(collection, "dataset_name") else collection.name
    if media == "group":
        slices = ", ".join(collection.group_slices)
        raise RunnerError(
            f"{name!r} is a grouped dataset ({slices}), which is not supported; make a dataset of one slice: "
            f"`dataset.select_group_slices({collection.default_group_slice!r}).clone(NAME)`"
        )
    remedy = " or save its frames as images: `dataset.to_frames(sample_frames=True).clone(NAME)`"
    raise RunnerError(
        f"{name!r} holds {media} samples, and only images are supported; choose another dataset"
        + (remedy if media == "video" else "")
    )


def _label_path(dataset: Any, labels: str | None) -> str | None:
    """What to read for ``--labels FIELD``; None where no field is asked for."""
    if labels in (None, _FOLDER):
        return None
    import fiftyone as fo

    for path, kind in ((f"{labels}.label", fo.StringField), (str(labels), fo.StringField)):
        parent = dataset.get_field(labels)
        field = dataset.get_field(path)
        if not isinstance(field, kind):
            continue
        if path == labels or (
            isinstance(parent, fo.EmbeddedDocumentField) and issubclass(parent.document_type, fo.Classification)
        ):
            return path
    usable = [
        name
        for name, field in dataset.get_field_schema().items()
        if (isinstance(field, fo.StringField) and name != "filepath")
        or (isinstance(field, fo.EmbeddedDocumentField) and issubclass(field.document_type, fo.Classification))
    ]
    raise UsageError(
        f"--labels {labels} is no field of classifications or strings of {dataset.name!r}; "
        f"use {', '.join([_FOLDER, *usable])}"
    )


def _chosen(
    name: str, ids: Sequence[str], files: Sequence[Path], sample_ids: Sequence[str] | None
) -> tuple[list[int], list[SkippedImage]]:
    """Rows to take, and the samples that can't be."""
    wanted = None if sample_ids is None else dict.fromkeys(sample_ids)
    chosen: list[int] = []
    skipped: list[SkippedImage] = []
    for row, (sample_id, file) in enumerate(zip(ids, files, strict=True)):
        if wanted is not None and sample_id not in wanted:
            continue
        fault = _fault(file)
        if fault is None:
            chosen.append(row)
        else:
            skipped.append(SkippedImage(sample_id, f"its file {file} {fault}"))
    if wanted is not None:
        gone = wanted.keys() - set(ids)
        skipped += [SkippedImage(one, f"is no sample of the dataset {name!r}") for one in wanted if one in gone]
    return chosen, skipped


def _fault(file: Path) -> str | None:
    """Why a sample's file can't be taken; None if it can."""
    status = examine(file)
    if isinstance(status, FileNotFoundError):
        return "is missing"
    if isinstance(status, OSError):
        return f"can't be looked at: {reason_of(status)}"
    return None if stat.S_ISREG(status.st_mode) else "is not a regular file"
