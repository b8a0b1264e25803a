"""``runner similar``: what is most like an image."""

from __future__ import annotations

import argparse
from typing import Any

from runner.commands.flags import Flags
from runner.commands.subparsers import add_command
from runner.export.config import How
from runner.similar.config import SimilarConfig

FLAGS = Flags(SimilarConfig, {"results": "--in"})
GROUPS = {
    "images": ("images", "images_from", "follow_links", "dataset", "view", "results"),
    "what is told": ("count", "top", "pairs"),
    "embedding": ("embedding", "model", "resolution", "preprocess", "device", "batch_size", "cache_dir"),
    "results": ("out", "collect"),
}
EPILOG = """\
An image that is not in the set is embedded as the set was, and for its cluster mates takes the place of its nearest
neighbour. A mate's figure is the number of best trials that put it into one cluster with the query.

examples:
  runner similar animals/cat.jpg --in results
  runner similar ~/found.png --images photos --model efficientnet_lite0 --count 50
  runner similar cat.jpg --in results --collect copy
  runner similar --in results --pairs pairs.yaml            how near are the known pairs?
"""


def add(commands: Any) -> None:
    command = add_command(commands, "similar", "find the images most like an image", run, EPILOG)
    command.add_argument("queries", nargs="*", metavar="IMAGE", help=SimilarConfig.model_fields["queries"].description)
    FLAGS.add_groups(command, GROUPS)


def run(options: argparse.Namespace) -> None:
    config = FLAGS.read(options)

    from runner.commands.similar_lines import similar_lines
    from runner.similar.collect import collect_neighbors
    from runner.similar.find import find_similar
    from runner.similar.outputs import OWN_FILES, write_similar

    OWN_FILES.check(config.folder, config.folders)
    found = find_similar(config, say=print)
    folder = write_similar(found)
    print("\n".join(similar_lines(found, folder)))
    if config.collect is None:
        return
    for number, result in enumerate(found.results, start=1):
        place = folder / f"query_{number:02d}"
        count, undo = collect_neighbors(found, result, place, How(config.collect))
        print(f"collected   {count:,} images in {place}; `{undo}` takes them back")
