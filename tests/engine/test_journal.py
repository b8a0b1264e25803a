"""The journal gives back what was written, and nothing that was damaged since."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from runner.cluster.trial import ClusteringConfig, Trial, TrialStatus
from runner.engine.journal import Journal
from runner.errors import RunnerError
from runner.utils.checked_files import checksum_path
from tests.faults.damage import DAMAGES, damage_all
from tests.report.experiments import scores_of, trial_record

LABELS = np.array([0, 1, 2, 1, -1, 0, 2], dtype=np.int32)
TRIAL = Trial("pixels", ClusteringConfig("kmeans", params={"n_clusters": 3}))
DONE = trial_record(TRIAL, scores=scores_of(LABELS, 0.5))
FAILED = trial_record(Trial("pixels", ClusteringConfig("gmm")), TrialStatus.FAILED, error="ValueError: singular")


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    journal = Journal(tmp_path / "journal")
    journal.write(DONE, LABELS)
    journal.write(FAILED, None)
    assert DONE.scores is not None
    journal.keep_scores("partition", DONE.scores)
    return journal


def test_what_was_written_is_read(journal: Journal) -> None:
    assert (journal.read(DONE.id), journal.read(FAILED.id)) == (DONE, FAILED)
    assert journal.labels(DONE.id).dtype == np.int32
    assert np.array_equal(journal.labels(DONE.id), LABELS)
    assert journal.scores("partition") == DONE.scores
    assert journal.read("never") is None
    assert journal.scores("never") is None


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_record_counts_as_not_written(how: str, journal: Journal) -> None:
    damage_all(journal.directory.glob("*.npz"), how, seed=1)
    damage_all(journal.directory.glob("*.json"), how, seed=1)
    with pytest.raises(RunnerError, match="damaged while this ran"):
        journal.labels(DONE.id)
    assert (journal.read(DONE.id), journal.read(FAILED.id), journal.scores("partition")) == (None, None, None)
    journal.write(DONE, LABELS)
    assert journal.read(DONE.id) == DONE


def test_records_of_an_earlier_version_are_believed_and_given_checksums(journal: Journal) -> None:
    for checksum in journal.directory.glob("*.checksum"):
        checksum.unlink()
    test_what_was_written_is_read(journal)
    assert len(list(journal.directory.glob("*.checksum"))) == 3


@pytest.mark.parametrize("how", ["emptied", "halved", "one byte short"])
def test_records_of_an_earlier_version_that_are_cut_are_not_believed(how: str, journal: Journal) -> None:
    for checksum in journal.directory.glob("*.checksum"):
        checksum.unlink()
    damage_all(journal.directory.glob("*"), how, seed=1)
    assert (journal.read(DONE.id), journal.read(FAILED.id), journal.scores("partition")) == (None, None, None)


def test_labels_that_do_not_fit_the_scores_are_not_believed(journal: Journal) -> None:
    journal.write(DONE, np.zeros(7, dtype=np.int32))
    checksum_path(journal.directory / f"{DONE.id}.npz").unlink()
    assert journal.read(DONE.id) is None
