"""The local journal: one file per finished trial, written whole or not at all.

It is the checkpoint of the sweep. Workers write it, the driver reads it; MLflow and the result files are
made from it, so that a run that was killed loses only the trials that were under way.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np

from runner.atomic import replaced_atomically, write_atomically
from runner.score.scores import Scores
from runner.summary import TrialRecord


class Journal:
    """Records and labels of finished trials in one folder."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def write(self, record: TrialRecord, labels: np.ndarray | None) -> None:
        """Keep a finished trial; ``labels`` int32, shape (n,), for a trial that is done."""
        arrays = {"record": np.frombuffer(record.model_dump_json().encode(), dtype=np.uint8)}
        if labels is not None:
            arrays["labels"] = labels.astype(_narrowest(labels))
        with replaced_atomically(self._path(record.id)) as temporary:
            np.savez(temporary, **arrays)  # type: ignore[arg-type]

    def read(self, trial_id: str) -> TrialRecord | None:
        """The record of a finished trial; None if it is not finished."""
        path = self._path(trial_id)
        if not path.exists():
            return None
        with np.load(path, allow_pickle=False) as arrays:
            return TrialRecord(**json.loads(arrays["record"].tobytes()))

    def labels(self, trial_id: str) -> np.ndarray:
        """Labels of a trial that is done, int32, shape (n,)."""
        with np.load(self._path(trial_id), allow_pickle=False) as arrays:
            return arrays["labels"].astype(np.int32)

    def keep_scores(self, partition: str, scores: Scores) -> None:
        """Keep the scores of a partition, by a name that depends on its labels and its embedding."""
        write_atomically(self._scores_path(partition), json.dumps(asdict(scores)).encode())

    def scores(self, partition: str) -> Scores | None:
        """The scores of a partition that was scored before."""
        path = self._scores_path(partition)
        return Scores(**json.loads(path.read_bytes())) if path.exists() else None

    def _scores_path(self, partition: str) -> Path:
        return self.directory / f"scores-{partition}.json"

    def _path(self, trial_id: str) -> Path:
        return self.directory / f"{trial_id}.npz"


def _narrowest(labels: np.ndarray) -> np.dtype:
    """The smallest type that holds them all: nearly as good as compression, which takes twenty times longer."""
    ends = (int(labels.min(initial=0)), int(labels.max(initial=0)))
    return np.promote_types(*map(np.min_scalar_type, ends))
