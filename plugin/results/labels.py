"""The results of an experiment as the panel wants them: read once, and quick to ask."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from runner.results.summary import Summary, TrialRecord

NOISE_COLOR = "#8a929b"


@dataclass(frozen=True)
class Results:
    """A finished experiment.

    Attributes:
        out: results folder.
        summary: its summary.
        ids: sample id of each row of the labels.
    """

    out: Path
    summary: Summary
    ids: tuple[str, ...]

    def labels(self, trial_id: str) -> np.ndarray:
        """Labels of a trial, int32, shape (len(ids),); -1 is noise."""
        return _labels(self.out, trial_id, _stamp(self.out))

    def members(self, trial_id: str, cluster: int) -> list[str]:
        """Sample ids of a cluster (or of the noise, -1)."""
        return [self.ids[row] for row in np.flatnonzero(self.labels(trial_id) == cluster)]

    def ranked(self) -> list[TrialRecord]:
        """Trials that are ranked, best first."""
        by_id = {trial.id: trial for trial in self.summary.trials}
        return [by_id[trial_id] for trial_id in self.summary.ranking]


def read_results(out: Path) -> Results:
    """The results in a folder, from memory where they have not changed.

    Raises:
        RunnerError: they are gone or damaged.
    """
    return _read(out, _stamp(out))


def _stamp(out: Path) -> int:
    from runner.results.paths import SUMMARY

    path = out / SUMMARY
    return path.stat().st_mtime_ns if path.exists() else 0


@lru_cache(maxsize=8)
def _read(out: Path, stamp: int) -> Results:
    from runner.results.files import read_paths, read_summary

    return Results(out, read_summary(out), read_paths(out))


@lru_cache(maxsize=32)
def _labels(out: Path, trial_id: str, stamp: int) -> np.ndarray:
    from runner.results.files import read_labels

    return read_labels(out, trial_id)
