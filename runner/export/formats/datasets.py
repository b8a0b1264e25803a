"""Folders that other tools open as a labelled data set: COCO, FiftyOne, Hugging Face."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from runner.errors import RunnerError
from runner.export.data import ExportData, ExportedImage, targets_by_cluster
from runner.export.file_names import distinct_names
from runner.images.open_image import UnreadableImageError, image_size
from runner.utils.atomic import write_json, write_text
from runner.utils.text import strict_json

_SPLIT = re.compile(
    r"(?<![^-._ 0-9/])(train|training|validation|valid|dev|val|test|testing|eval|evaluation)(?=[-._ 0-9/]|$)"
)
"""What ``datasets`` takes for the name of a split, in a path."""


def write_coco(data: ExportData, folder: Path) -> None:
    """``labels.json`` beside ``data/``: a category per cluster and, for each image, an annotation of its whole area."""
    names = [cluster.name for cluster in data.clusters]
    category = {name: number for number, name in enumerate(names, start=1)}
    images, annotations = [], []
    for number, image in enumerate(data.images, start=1):
        width, height = _size(image)
        file_name = PurePosixPath(image.target).name
        images.append({"id": number, "file_name": file_name, "width": width, "height": height, "path": image.id})
        annotations.append(
            {
                "id": number,
                "image_id": number,
                "category_id": category[image.name],
                "bbox": [0, 0, width, height],
                "area": width * height,
                "iscrowd": 0,
            }
        )
    document = {
        "info": {"description": f"{data.finished.summary.experiment.name}, trial {data.trial.id}"},
        "licenses": [],
        "categories": [{"id": category[name], "name": name, "supercategory": "cluster"} for name in names],
        "images": images,
        "annotations": annotations,
    }
    write_json(folder / "labels.json", document, indent=None)


def write_fiftyone(data: ExportData, folder: Path) -> None:
    """``labels.json`` beside ``data/``, as ``fiftyone.types.FiftyOneImageClassificationDataset`` reads it."""
    classes = [cluster.name for cluster in data.clusters]
    number = {name: place for place, name in enumerate(classes)}
    labels = {PurePosixPath(image.target).stem: number[image.name] for image in data.images}
    write_json(folder / "labels.json", {"classes": classes, "labels": labels}, indent=None)


def targets_for_hugging_face(images: Sequence[ExportedImage], is_named: bool) -> list[str]:
    """A place for each image in a folder of its cluster, where no name makes ``datasets`` take a part for the whole.

    It guesses splits from names: one file or folder called ``test``, and all others are left out. The guess is by lower
    case, so that a capital letter ends it. It passes over folders that begin with ``__``, and looks for numbered shards
    in ``data``.
    """
    names = list(dict.fromkeys(image.name for image in images))
    plain = ["Data" if name == "data" else re.sub("^__+", "_", name) for name in names]
    folders = dict(zip(names, distinct_names(plain), strict=True))
    return [
        _SPLIT.sub(lambda match: match[0].capitalize(), f"{folders[image.name]}/{target.partition('/')[2]}")
        for image, target in zip(images, targets_by_cluster(images, is_named), strict=True)
    ]


def write_huggingface(data: ExportData, folder: Path) -> None:
    """``metadata.jsonl`` beside the images, as ``datasets.load_dataset("imagefolder")`` reads it: JSON, since of a CSV
    it guesses types, and a cluster called ``007`` would become a number."""
    rows = (
        {"file_name": image.target, "name": image.name, "cluster": image.cluster, "path": image.id}
        for image in data.images
    )
    write_text(folder / "metadata.jsonl", "".join(f"{strict_json(row)}\n" for row in rows))


def _size(image: ExportedImage) -> tuple[int, int]:
    """Width and height as people see the image, from the file's header: loaders turn it by its EXIF tag."""
    assert image.path is not None
    try:
        return image_size(image.path)
    except UnreadableImageError as error:
        raise RunnerError(f"{image.path} can't be read any more: {error}") from error
