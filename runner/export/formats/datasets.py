"""Folders that other tools open as a labelled data set: COCO, FiftyOne, Hugging Face."""

from __future__ import annotations

import csv
from pathlib import Path, PurePosixPath

from PIL import Image

from runner.errors import RunnerError
from runner.export.data import ExportData, ExportedImage
from runner.output.atomic import printable, write_json


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


def write_huggingface(data: ExportData, folder: Path) -> None:
    """``metadata.csv`` beside the images, as ``datasets.load_dataset("imagefolder")`` reads it."""
    with (folder / "metadata.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["file_name", "name", "cluster", "path"])
        for image in data.images:
            writer.writerow([image.target, image.name, image.cluster, printable(image.id)])


def _size(image: ExportedImage) -> tuple[int, int]:
    """Width and height from the file's header, as COCO's tools read them: as stored, without EXIF rotation."""
    assert image.path is not None
    try:
        with Image.open(image.path) as opened:
            return opened.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise RunnerError(f"{image.path} can't be read any more: {error}") from error
