"""Lists of images and clusters: CSV and JSON."""

from __future__ import annotations

import csv
from pathlib import Path

from runner.export.data import ExportData
from runner.results.display_names import trial_name
from runner.utils.atomic import write_json
from runner.utils.csv_text import csv_cell


def write_csv(data: ExportData, folder: Path) -> None:
    """``clusters.csv``: path, cluster number (-1: noise), name of the cluster, absolute path of the file."""
    with (folder / "clusters.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["path", "cluster", "name", "file"])
        for image in data.images:
            row = [image.id, image.cluster, image.name, "" if image.path is None else str(image.path)]
            writer.writerow(map(csv_cell, row))


def write_cluster_json(data: ExportData, folder: Path) -> None:
    """``clusters.json``: experiment, trial, and the images of each cluster, the most central first."""
    images = data.finished.images
    root, roots = images.root, images.roots
    document = {
        "experiment": data.finished.summary.experiment.name,
        "trial": data.trial.id,
        "clustering": trial_name(data.trial),
        "root": None if root is None else str(root),
        **({"roots": {name: str(folder) for name, folder in roots.items()}} if roots else {}),
        "clusters": [
            {
                "name": cluster.name,
                "cluster": cluster.cluster,
                "size": cluster.size,
                "images": [name for row in cluster.rows for name in images.names_of(row)],
            }
            for cluster in data.clusters
        ],
    }
    write_json(folder / "clusters.json", document)
