"""``runner duplicates``: groups of near-identical images, and which of them to keep."""

from __future__ import annotations

import argparse
from typing import Any

from runner.commands.flags import Flags
from runner.commands.subparsers import add_command
from runner.duplicates.config import DuplicatesConfig

FLAGS = Flags(DuplicatesConfig, {"results": "--in"})
GROUPS = {
    "images": ("images", "images_from", "follow_links", "dataset", "view", "results"),
    "what is a duplicate": ("method", "threshold", "within", "keep_per_group"),
    "embedding": ("model", "resolution", "preprocess", "embedding", "device", "batch_size", "exact_up_to", "cache_dir"),
    "results": ("out",),
}
EPILOG = """\
methods:
  exact       the same bytes under whatever names
  hash        64 bits of the picture's coarse brightness: finds re-encodes, resizes, small crops; strangers are rare
  embedding   what a model sees: also larger crops, rotations and shots of one burst; and, lower down, mere likeness
  orb         keypoints that find each other, wherever they lie: also rotations and crops of detailed pictures
  ssim, template, minhash   structure, shifted structure, corners in the same places
  ahash, dhash, whash       other hashes of 64 bits

--within SECONDS finds bursts: of any near method's pairs only those count that were taken within that time, by the
camera's clock, each image after the one before. Images without a capture time stay out of all groups, and are counted.

Originals are only read. keep.txt and drop.txt list the images; `threshold.html` shows what every threshold gives,
with the pairs just above and below it, and the command that takes it.

examples:
  runner duplicates --images photos --method hash
  runner duplicates --images photos --model efficientnet_lite0 --threshold 0.95
  runner duplicates --images photos --within 2 --threshold 0.8
  runner duplicates --in results --keep-per-group 5
"""


def add(commands: Any) -> None:
    command = add_command(commands, "duplicates", "find near-identical images and say which to keep", run, EPILOG)
    FLAGS.add_groups(command, GROUPS)


def run(options: argparse.Namespace) -> None:
    config = FLAGS.read(options)

    from runner.commands.duplicates_lines import duplicate_lines
    from runner.duplicates.outputs import OWN_FILES, write_duplicates
    from runner.experiment.duplicates import find_duplicates

    OWN_FILES.check(config.folder, config.folders)
    found = find_duplicates(config, say=print)
    folder = write_duplicates(found)
    print("\n".join(duplicate_lines(found, folder)))
