"""``runner export``: clusters as folders, or as files for other tools."""

from __future__ import annotations

import argparse
from typing import Any

from runner.commands.flags import Flags
from runner.commands.subparsers import add_command, add_results
from runner.export.config import ExportConfig

FLAGS = Flags(ExportConfig)
NAMES = ("to", "rank", "format", "how", "min_size", "per_cluster", "choose", "names", "seed", "dry_run")
EPILOG = """\
formats:
  folders      cluster_000/ … (or the clusters' names), noise/, and unique/ for images alone in their cluster
  csv, json    lists of images and their clusters
  coco         data/ and labels.json, a category per cluster
  fiftyone     data/ and labels.json, for fiftyone.types.FiftyOneImageClassificationDataset
  huggingface  folders and metadata.jsonl, for datasets.load_dataset("imagefolder", data_dir=DIR)
  npy, parquet embeddings with paths and clusters

Nothing is ever overwritten. DIR/manifest.jsonl lists everything before it is done, so that `runner undo DIR` restores
every file, also after an export that was killed. An undo follows without a question only the manifests of your own
exports; what another one would do is listed first.

examples:
  runner export results --to sorted --dry-run
  runner export results --to sorted --how move
  runner export results --to training --per-cluster 20 --choose medoids --format huggingface
  runner undo sorted
"""


def add(commands: Any) -> None:
    command = add_command(
        commands, "export", "bring clusters into folders, or into the files of other tools", run, EPILOG
    )
    add_results(command)
    FLAGS.add(command, NAMES)


def run(options: argparse.Namespace) -> None:
    config = FLAGS.read(options)

    from runner.commands.export_lines import export_lines
    from runner.export.export import export_clusters

    print("\n".join(export_lines(export_clusters(config))))
