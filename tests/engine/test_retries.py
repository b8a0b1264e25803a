"""A sweep that is called again after failures: what the machine was to blame for is tried again, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from runner.cluster.grids import parse_grids
from runner.cluster.trial import FailureKind, TrialStatus
from runner.embed.embedding_config import Embedding
from runner.engine.failure import MOST_ATTEMPTS, Failure
from runner.engine.journal import Journal
from runner.engine.local import WorkerPool
from runner.engine.sweep import SweepResult, SweepSettings, run_sweep
from runner.engine.tasks import failed_record
from runner.utils.stage_clock import StageClock
from tests.cluster.vectors import clustered_vectors, unit
from tests.engine.test_local import process_number

GRID = {"kmeans": [{"n_clusters": [2, 3, 4, 5]}], "agglomerative": [{"linkage": "average", "n_clusters": [3, 4]}]}

N = 600

Sweep = Callable[..., SweepResult]


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    with WorkerPool(1, timeout=60) as pool:
        yield pool


@pytest.fixture
def sweep(tmp_path: Path, pool: WorkerPool) -> Sweep:
    """A call of the sweep; settings may be given."""
    vectors = tmp_path / "vectors.npy"
    np.save(vectors, unit(clustered_vectors(N, 8, seed=0)))
    settings = SweepSettings(
        grids=parse_grids(GRID), seed=0, device="cpu", max_trials=None, journal=tmp_path / "journal", truth=None
    )

    def call(grid: dict | None = None, **changes: object) -> SweepResult:
        grids = {} if grid is None else {"grids": parse_grids(grid)}
        embedding = Embedding("key", None, vectors, 8)
        return run_sweep(embedding, tmp_path / "key", replace(settings, **grids, **changes), pool, StageClock())

    return call


@contextmanager
def files_limited(pool: WorkerPool) -> Iterator[None]:
    """Workers can write a trial's labels in the block, but nothing as large as a dendrogram: EFBIG."""
    (worker,) = (psutil.Process(outcome.result) for outcome in pool.run(process_number, [""]))
    worker.rlimit(psutil.RLIMIT_FSIZE, (14 * N, psutil.RLIM_INFINITY))
    try:
        yield
    finally:
        worker.rlimit(psutil.RLIMIT_FSIZE, (psutil.RLIM_INFINITY, psutil.RLIM_INFINITY))


def outcomes(result: SweepResult) -> list[tuple[str, str | None, int]]:
    return [(record.status.value, record.failure, record.attempts) for record in result.records]


@pytest.mark.check
def test_failures_of_the_machine_are_tried_again(sweep: Sweep, tmp_path: Path) -> None:
    first = sweep()
    assert set(outcomes(first)) == {("done", None, 1)}
    journal = Journal(tmp_path / "journal")
    kinds = [FailureKind.MEMORY, FailureKind.ERROR, FailureKind.PROCESS, FailureKind.REFUSED]
    for record, kind in zip(first.records, kinds, strict=False):
        attempts = MOST_ATTEMPTS if kind is FailureKind.PROCESS else 1
        journal.write(failed_record(record.trial, Failure(kind, "as it was"), attempts), None)
    journal.write(failed_record(first.null_records[0].trial, Failure(FailureKind.DISK, "as it was"), 1), None)

    again = sweep()
    assert outcomes(again)[:4] == [
        ("done", None, 2),
        ("failed", "error", 1),
        ("failed", "process", MOST_ATTEMPTS),
        ("failed", "refused", 1),
    ]
    assert [record.finished_at for record in again.records[4:]] == [one.finished_at for one in first.records[4:]]
    assert (again.null_records[0].status, again.null_records[0].attempts) == (TrialStatus.DONE, 2)

    forced = sweep(retry_failed=True)
    assert {status for status, _, _ in outcomes(forced)} == {"done"}
    assert [record.attempts for record in forced.records[:4]] == [2, 2, MOST_ATTEMPTS + 1, 2]
    assert [record.scores for record in forced.records] == [record.scores for record in first.records]


@pytest.mark.check
def test_trials_share_the_failure_of_their_preparation(sweep: Sweep, pool: WorkerPool) -> None:
    sweep({"kmeans": GRID["kmeans"]})  # what all trials share is there
    with files_limited(pool):
        for attempt in range(1, MOST_ATTEMPTS + 2):
            expected = ("failed", "disk", min(attempt, MOST_ATTEMPTS))
            assert outcomes(sweep()) == [*[("done", None, 1)] * 4, *[expected] * 2]
    assert outcomes(sweep())[4:] == [("failed", "disk", MOST_ATTEMPTS)] * 2
    assert outcomes(sweep(retry_failed=True))[4:] == [("done", None, MOST_ATTEMPTS + 1)] * 2


@pytest.mark.check
def test_a_final_failure_of_what_expands_only_once_prepared(sweep: Sweep, pool: WorkerPool, tmp_path: Path) -> None:
    evoc = {"evoc": [{"base_min_cluster_size": 5}]}
    with files_limited(pool):
        (failed,) = sweep(evoc).records
    assert (failed.params["layer"], failed.failure) == (-1, FailureKind.DISK)
    Journal(tmp_path / "journal").write(failed_record(failed.trial, Failure(FailureKind.ERROR, "no"), 1), None)
    assert outcomes(sweep(evoc)) == [("failed", "error", 1)]
    layers = sweep(evoc, retry_failed=True).records
    assert {record.status for record in layers} == {TrialStatus.DONE}
    assert [record.params["layer"] for record in layers] == list(range(len(layers)))
