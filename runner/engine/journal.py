"""The local journal: one file per finished trial, written whole or not at all.

It is the checkpoint of the sweep. Workers write it, the driver reads it; MLflow and the result files are
made from it, so that a run that was killed loses only the trials that were under way. Every file has its checksum
beside it: a trial whose file was damaged counts as not run yet.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter

from runner.cluster.trial import NOISE, TrialStatus
from runner.errors import RunnerError
from runner.results.summary import TrialRecord
from runner.score.scores import Scores
from runner.utils.checked_files import UNREADABLE, is_sound, read_checked, replaced_with_checksum, write_checked

_scores = TypeAdapter(Scores)


class Journal:
    """Records and labels of finished trials in one folder."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def write(self, record: TrialRecord, labels: np.ndarray | None) -> None:
        """Keep a finished trial; ``labels`` int32, shape (n,), for a trial that is done."""
        arrays = {"record": np.frombuffer(record.model_dump_json().encode(), dtype=np.uint8)}
        if labels is not None:
            arrays["labels"] = labels.astype(_narrowest(labels))
        with replaced_with_checksum(self._path(record.id)) as temporary:
            np.savez(temporary, **arrays)  # type: ignore[arg-type]

    def read(self, trial_id: str) -> TrialRecord | None:
        """The record of a finished trial; None if it is not finished, or its file was damaged."""
        path = self._path(trial_id)
        return _read_record(path) if is_sound(path, _is_valid) else None

    def labels(self, trial_id: str) -> np.ndarray:
        """Labels of a trial that is done, int32, shape (n,).

        Raises:
            RunnerError: the file was damaged since its record was read.
        """
        path = self._path(trial_id)
        if not is_sound(path, _is_valid):
            raise RunnerError(f"{path} was damaged while this ran; the same command runs that trial again")
        return _read_labels(path)

    def keep_scores(self, partition: str, scores: Scores) -> None:
        """Keep the scores of a partition, by a name that depends on its labels and its embedding."""
        write_checked(self._scores_path(partition), json.dumps(asdict(scores)).encode())

    def scores(self, partition: str) -> Scores | None:
        """The scores of a partition that was scored before."""
        content = read_checked(self._scores_path(partition), _are_scores)
        return None if content is None else Scores(**json.loads(content))

    def _scores_path(self, partition: str) -> Path:
        return self.directory / f"scores-{partition}.json"

    def _path(self, trial_id: str) -> Path:
        return self.directory / f"{trial_id}.npz"


def _read_record(path: Path) -> TrialRecord:
    with np.load(path, allow_pickle=False) as arrays:
        return TrialRecord(**json.loads(arrays["record"].tobytes()))


def _read_labels(path: Path) -> np.ndarray:
    with np.load(path, allow_pickle=False) as arrays:
        return arrays["labels"].astype(np.int32)


def _is_valid(path: Path) -> bool:
    """Whether a file without a checksum holds the record that its name says, and labels that fit its scores."""
    try:
        record = _read_record(path)
        if record.id != path.stem or record.status is not TrialStatus.DONE:
            return record.id == path.stem
        labels, scores = _read_labels(path), record.scores
    except UNREADABLE:
        return False
    n_clusters = int(labels.max(initial=NOISE)) + 1
    return labels.min(initial=NOISE) >= NOISE and (scores is None or scores.n_clusters == n_clusters)


def _are_scores(content: bytes) -> bool:
    try:
        _scores.validate_json(content)
    except UNREADABLE:
        return False
    return True


def _narrowest(labels: np.ndarray) -> np.dtype:
    """The smallest type that holds them all: nearly as good as compression, which takes twenty times longer."""
    ends = (int(labels.min(initial=0)), int(labels.max(initial=0)))
    return np.promote_types(*map(np.min_scalar_type, ends))
