"""The best trials of an experiment, shown in the dataset that its images came from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from runner.errors import RunnerError
from runner.integrations.fiftyone.cluster_fields import WrittenField, write_cluster_fields
from runner.integrations.fiftyone.connection import load_dataset
from runner.integrations.fiftyone.experiment_runs import register_experiment
from runner.results.summary import Summary
from runner.utils.progress import ShareProgress


def write_experiment_fields(
    name: str, out: Path, summary: Summary, top: int, say: Callable[[str], None] = lambda line: None
) -> list[WrittenField]:
    """Write the ``top`` best trials as fields and register the experiment; what is there already stays as it is.

    Args:
        name: of the dataset.
        out: the results folder, complete.
        summary: its summary.
        top: how many trials.
        say: told what was written.

    Raises:
        RunnerError: the dataset is gone or its database can't be reached; the same call goes on from there.
    """
    try:
        dataset = load_dataset(name)
        shown = ShareProgress("cluster fields")
        try:
            written = write_cluster_fields(
                dataset, out, summary.ranking[:top], progress=lambda done, total: shown(done / total)
            )
        finally:
            shown.close()
        key = register_experiment(dataset, out, summary, written)
    except RunnerError as error:
        raise type(error)(f"the results are complete in {out}, but not written to the dataset: {error}") from error
    for one in written:
        state = "as it was" if one.kept else f"{one.n_samples:,} samples"
        deleted = f", {one.n_deleted} deleted since" if one.n_deleted else ""
        say(f"field       {one.field}: {one.n_clusters} clusters, {state}{deleted}")
        if one.note:
            say(f"            {one.note}")
    say(f"dataset     {name}: run {key}, {sum(len(one.views) for one in written)} saved views")
    return written
