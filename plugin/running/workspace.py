"""Where the results of a dataset's experiments are kept unless the user says otherwise."""

from __future__ import annotations

import re
from itertools import count
from pathlib import Path
from typing import Any

from .live_runs import LiveRuns


def default_folder(dataset: Any, name: str) -> Path:
    """``<cache>/fiftyone/<dataset id>/<experiment>``: outlives renaming, and is apart from the images."""
    from runner.config.experiment import ExperimentConfig

    cache: Path = ExperimentConfig.model_fields["cache_dir"].default
    return cache.expanduser() / "fiftyone" / str(dataset._doc.id) / name


def free_name(dataset: Any) -> str:
    """The dataset's name as an identifier, with a number where an experiment of that name is there or under way."""
    taken = {*dataset.list_runs(), *(run.name for run in LiveRuns(dataset).all())}
    stem = re.sub(r"_+", "_", re.sub(r"\W", "_", dataset.name.lower(), flags=re.ASCII)).strip("_")[:40]
    if not stem or stem[0].isdigit():
        stem = f"clusters_{stem}".rstrip("_")
    return next(name for name in (stem if n == 1 else f"{stem}_{n}" for n in count(1)) if name not in taken)
