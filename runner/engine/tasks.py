"""The work of a sweep as tasks that any process can do, given paths only."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from runner.cluster.algorithms import NULL_BASELINE, algorithm_named
from runner.cluster.algorithms.base import Params
from runner.cluster.geometry import Geometry, open_geometry
from runner.cluster.trial import ClusteringConfig, FailureKind, Trial, TrialStatus
from runner.engine.failure import Failure
from runner.engine.gap_reference import shares_in_structureless_cloud
from runner.engine.journal import Journal
from runner.engine.shared import shared_map
from runner.results.summary import TrialRecord
from runner.score.nested_silhouette import nested_silhouettes
from runner.score.scorecard import score_clustering
from runner.score.scores import Scores
from runner.utils.checked_files import write_checked
from runner.utils.hashing import digest_of


@dataclass(frozen=True)
class SweepData:
    """Everything that the trials of one embedding share.

    Attributes:
        geometries: folder of each space's geometry, by the space's name; ``none`` is always among them.
        journal: folder of the journal.
        seed: of everything random.
        truth: reference label of each image, or None.
    """

    geometries: Mapping[str, Path]
    journal: Path
    seed: int
    truth: tuple[str | None, ...] | None


@dataclass(frozen=True)
class PreparationRequest:
    """What several settings of one algorithm in one space share."""

    data: SweepData
    algorithm: str
    space: str
    settings: tuple[Params, ...]


@dataclass(frozen=True)
class TrialRequest:
    """A trial to be run, in the call number ``attempt`` that tries it."""

    data: SweepData
    trial: Trial
    attempt: int = 1


@dataclass(frozen=True)
class StructurelessRequest:
    """What clusters of every size tell in a cloud without any: see ``shares_in_structureless_cloud``.

    Attributes:
        geometry: folder of the embedding's own geometry.
        seed: of the cloud.
    """

    geometry: Path
    seed: int


@dataclass(frozen=True)
class MapRequest:
    """An embedding's flat map.

    Attributes:
        geometry: folder of the embedding's own geometry.
        embedding: its key.
        seed: of the map.
        keep: rows that must be on it.
    """

    geometry: Path
    embedding: str
    seed: int
    keep: tuple[int, ...]


SharedRequest = PreparationRequest | StructurelessRequest | MapRequest


def do_shared(request: SharedRequest) -> None:
    """Do what is done once for many trials, or beside them; the result stays in the geometry's folder."""
    match request:
        case PreparationRequest():
            _prepare(request)
        case StructurelessRequest():
            shares_in_structureless_cloud(_geometry(request.geometry), request.seed)
        case MapRequest():
            shared_map(_geometry(request.geometry), request.embedding, request.seed, request.keep)


def _prepare(request: PreparationRequest) -> None:
    data, algorithm = request.data, algorithm_named(request.algorithm)
    geometry = _geometry(data.geometries[request.space])
    algorithm.prepare(geometry, request.settings, data.seed)
    if algorithm.is_nested and len(request.settings) > 1:
        labels = [algorithm.cluster(geometry, params, data.seed).labels for params in request.settings]
        finest_first = sorted(range(len(labels)), key=lambda number: -labels[number].max())
        base = _geometry(data.geometries["none"])
        values = nested_silhouettes([labels[number] for number in finest_first], base.vectors)
        for number, value in zip(finest_first, values, strict=True):
            if value is not None:
                config = ClusteringConfig(request.algorithm, request.space, request.settings[number])
                write_checked(_silhouette_path(data, config), json.dumps(value).encode())


def run_trial(request: TrialRequest) -> TrialRecord:
    """Cluster, score, and enter the trial in the journal."""
    data, trial = request.data, request.trial
    started = time.perf_counter()
    config = trial.clustering
    geometry = _geometry(data.geometries[config.space])
    algorithm = NULL_BASELINE if config.algorithm == NULL_BASELINE.name else algorithm_named(config.algorithm)
    clustering = algorithm.cluster(geometry, config.params, data.seed)
    details = dict(clustering.details)
    if algorithm.uses_graph and geometry.recall is not None:
        details |= {"approximate": True, "neighbor_recall": geometry.recall}
    if algorithm.depends_on_processor or geometry.depends_on_processor:
        details["depends_on_processor"] = True
    record = TrialRecord(
        id=trial.id,
        embedding=trial.embedding,
        algorithm=config.algorithm,
        space=config.space,
        params=dict(config.params),
        status=TrialStatus.DONE,
        attempts=request.attempt,
        scores=_score(data, trial, clustering.labels),
        details=details,
        seconds=time.perf_counter() - started,
        finished_at=int(time.time() * 1000),
    )
    Journal(data.journal).write(record, clustering.labels)
    return record


def failed_record(trial: Trial, failure: Failure, attempt: int) -> TrialRecord:
    """The record of a trial that gave no labels in the call number ``attempt`` that tried it."""
    return TrialRecord(
        id=trial.id,
        embedding=trial.embedding,
        algorithm=trial.clustering.algorithm,
        space=trial.clustering.space,
        params=dict(trial.clustering.params),
        status=TrialStatus.TIMED_OUT if failure.kind is FailureKind.TIME else TrialStatus.FAILED,
        failure=failure.kind,
        attempts=attempt,
        error=failure.error,
        seconds=failure.seconds,
        finished_at=int(time.time() * 1000),
    )


def _score(data: SweepData, trial: Trial, labels: np.ndarray) -> Scores:
    """The scores of a partition; found once for settings that lead to the same, as many of a density's do."""
    journal, name = Journal(data.journal), digest_of([trial.embedding, labels.tobytes().hex()])
    silhouette = _silhouette_path(data, trial.clustering)
    known = None if silhouette.exists() else journal.scores(name)
    if known is not None:
        return known
    base = _geometry(data.geometries["none"])
    scores = score_clustering(
        labels,
        base.vectors,
        base.neighbors.indices,
        truth=data.truth,
        seed=data.seed,
        structureless=shares_in_structureless_cloud(base, data.seed),
        known_silhouette=json.loads(silhouette.read_text()) if silhouette.exists() else None,
    )
    if not silhouette.exists():
        journal.keep_scores(name, scores)
    return scores


def _silhouette_path(data: SweepData, config: ClusteringConfig) -> Path:
    """Where the silhouette of a setting is kept that was scored together with others."""
    name = digest_of([json.dumps(config.identity(), sort_keys=True)])
    return data.geometries[config.space] / f"silhouette-{name}.json"


@lru_cache(maxsize=16)
def _geometry(directory: Path) -> Geometry:
    return open_geometry(directory)
