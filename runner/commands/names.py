"""``runner names``: name the clusters of a finished experiment."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from runner.commands.subparsers import add_command, add_results

EPILOG = """\
The bundled efficientnet_lite0 names clusters by ImageNet's classes; clusters that none of them fits stay as they are.
CLIP models compare them with a vocabulary: a default list, or a text file of your own with a name per line.

examples:
  runner names results
  runner names results --vocabulary words.txt --to names.json
  runner export results --to sorted --names names.json
"""


def add(commands: Any) -> None:
    command = add_command(
        commands, "names", "name the clusters of a finished experiment by what they show", run, EPILOG
    )
    add_results(command)
    command.add_argument("--rank", type=int, default=1, metavar="N", help="place of the trial (default: 1, the best)")
    command.add_argument("--vocabulary", type=Path, metavar="FILE", help="text file with a name per line")
    command.add_argument("--to", type=Path, metavar="FILE", help="write them as JSON, for `runner export --names`")


def run(options: argparse.Namespace) -> None:
    import numpy as np

    from runner.experiment.cluster_names import name_clusters
    from runner.experiment.results import open_experiment
    from runner.utils.atomic import write_json

    experiment = open_experiment(options.results)
    trial = experiment.trial(options.rank)
    names = name_clusters(experiment, trial.id, vocabulary=options.vocabulary)
    labels = experiment.labels(trial.id)
    print(f"{trial.id}: {len(names)} of {labels.max(initial=-1) + 1} clusters named\ncluster  images  name")
    for cluster, name in names.items():
        print(f"{cluster:7}  {np.count_nonzero(labels == cluster):6}  {name}")
    if options.to is not None:
        write_json(options.to, {str(cluster): name for cluster, name in names.items()})
