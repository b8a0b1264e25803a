"""The sweep of one embedding: geometry once, preparations once, then every trial that is not in the journal."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from runner.cluster.algorithms import NULL_BASELINE, algorithm_named
from runner.cluster.geometry import Geometry, build_geometry
from runner.cluster.grids import Grid, expand, looks_at_images, neighbors_needed
from runner.cluster.spaces import Space
from runner.cluster.trial import ClusteringConfig, Trial
from runner.embed.embedding_config import Embedding
from runner.engine.failure import Failure, is_settled
from runner.engine.journal import Journal
from runner.engine.local import Outcome, WorkerPool
from runner.engine.tasks import (
    MapRequest,
    PreparationRequest,
    SharedRequest,
    StructurelessRequest,
    SweepData,
    TrialRequest,
    do_shared,
    failed_record,
    run_trial,
)
from runner.results.summary import TrialRecord
from runner.score.null_baseline import null_cluster_counts
from runner.utils.progress import ShareProgress, progress_bar
from runner.utils.stage_clock import StageClock

_Request = TypeVar("_Request")
_Result = TypeVar("_Result")
_PreparationKey = tuple[str, str, str]
"""Algorithm, space, and the name of what is prepared."""


@dataclass(frozen=True)
class SweepSettings:
    """How sweeps are run, the same for every embedding of an experiment."""

    grids: Sequence[Grid]
    seed: int
    device: str
    max_trials: int | None
    journal: Path
    truth: tuple[str | None, ...] | None
    image_paths: tuple[Path, ...] = ()
    exact_up_to: int | None = None
    marked: tuple[int, ...] = ()
    """Rows that must be on maps."""
    retry_failed: bool = False
    """Whether failed trials are run again that are otherwise given up."""


@dataclass(frozen=True)
class SweepResult:
    """What came of a sweep.

    Attributes:
        records: its trials, in the order of the grids.
        null_records: its null baselines.
        geometry: folder of the embedding's own geometry.
    """

    records: list[TrialRecord]
    null_records: list[TrialRecord]
    geometry: Path


def run_sweep(
    embedding: Embedding,
    directory: Path,
    settings: SweepSettings,
    pool: WorkerPool,
    clock: StageClock,
) -> SweepResult:
    """All trials of one embedding.

    Args:
        embedding: its vectors, at least two.
        directory: where its geometries are kept.
        settings: of the experiment.
        pool: where preparations and trials run.
        clock: measures each stage.
    """
    with clock.time("geometry"):
        geometries = _build_geometries(embedding, directory, settings)
        if looks_at_images(settings.grids):
            geometries["none"].set_image_paths(settings.image_paths)
        configs = expand(settings.grids, lambda space: geometries[space])
    data = SweepData(
        geometries={space: geometry.directory for space, geometry in geometries.items()},
        journal=settings.journal,
        seed=settings.seed,
        truth=settings.truth,
    )
    sweep = _Sweep(embedding.key, geometries, data, settings, pool)
    with clock.time("preparations"):
        failures = sweep.prepare(configs)
    with clock.time("trials"):
        trials = sweep.trials(configs)
        nulls = [Trial(embedding.key, config) for config in _null_configs(geometries["none"].n)]
        # nulls first: one of very many clusters is slow, and would keep one process busy at the end
        records = sweep.run([*nulls, *trials], failures)
    return SweepResult(records[len(nulls) :], records[: len(nulls)], geometries["none"].directory)


def _null_configs(n: int) -> list[ClusteringConfig]:
    return [ClusteringConfig(NULL_BASELINE.name, params={"n_clusters": count}) for count in null_cluster_counts(n)]


def _build_geometries(embedding: Embedding, directory: Path, settings: SweepSettings) -> dict[str, Geometry]:
    names = list(dict.fromkeys(["none", *(space for grid in settings.grids for space in grid.spaces)]))
    min_samples = {space: neighbors_needed(settings.grids, space) for space in names}
    geometries: dict[str, Geometry] = {}
    for name in names:
        with closing(ShareProgress(f"{embedding.key}: neighbours and tree in space {name}")) as progress:
            geometries[name] = build_geometry(
                directory / f"{name.replace(':', '-')}-{settings.seed}",
                Space.parse(name),
                embedding.vectors_path,
                base=geometries.get("none"),
                min_samples=min_samples[name],
                seed=settings.seed,
                device=settings.device,
                exact_up_to=settings.exact_up_to,
                progress=progress,
            )
    return geometries


class _Sweep:
    """Preparations and trials of one embedding."""

    def __init__(
        self, key: str, geometries: dict[str, Geometry], data: SweepData, settings: SweepSettings, pool: WorkerPool
    ) -> None:
        self.key, self.geometries, self.data, self.settings, self.pool = key, geometries, data, settings, pool
        self.journal = Journal(settings.journal)

    def prepare(self, configs: Sequence[ClusteringConfig]) -> dict[_PreparationKey, Failure]:
        """Do what unfinished settings share, and draw the map; the failures of the preparations that failed.

        Only those of the algorithms: whoever needs the map or the cloud without clusters will try again, and tell.
        """
        groups: dict[_PreparationKey, list[ClusteringConfig]] = {}
        for config in configs:
            key = _preparation_key(config)
            if key is not None and not self._is_finished(config):
                groups.setdefault(key, []).append(config)
        requests = [
            PreparationRequest(self.data, algorithm, space, tuple(config.params for config in group))
            for (algorithm, space, _), group in groups.items()
        ]
        requests.sort(key=lambda request: not algorithm_named(request.algorithm).slow_to_prepare)
        none, seed = self.data.geometries["none"], self.settings.seed
        shared: list[SharedRequest] = [*requests]
        if requests:
            shared[:0] = [MapRequest(none, self.key, seed, self.settings.marked), StructurelessRequest(none, seed)]
        failures: dict[_PreparationKey, Failure] = {}
        for outcome in self._run(do_shared, shared, "preparations"):
            request = outcome.request
            if outcome.failure is not None and isinstance(request, PreparationRequest):
                config = ClusteringConfig(request.algorithm, request.space, request.settings[0])
                key = _preparation_key(config)
                assert key is not None
                error = f"what it shares with other trials ({key[2]}) failed: {outcome.failure.error}"
                failures[key] = replace(outcome.failure, error=error)
        return failures

    def trials(self, configs: Sequence[ClusteringConfig]) -> list[Trial]:
        """The trials of the sweep, at most as many as wanted."""
        return self._drawn([Trial(self.key, each) for config in configs for each in self._expanded(config)])

    def run(self, trials: Sequence[Trial], failures: dict[_PreparationKey, Failure]) -> list[TrialRecord]:
        """Run what is not in the journal; records in the order of ``trials``."""
        records: dict[str, TrialRecord] = {}
        requests = []
        for trial in trials:
            preparation = _preparation_key(trial.clustering)
            known = self.journal.read(trial.id)
            attempt = 1 if known is None else known.attempts + 1
            if known is not None and self._is_settled(known):
                records[trial.id] = known
            elif preparation in failures:
                records[trial.id] = self._fail(trial, failures[preparation], attempt)
            else:
                requests.append(TrialRequest(self.data, trial, attempt))
        for outcome in self._run(run_trial, requests, "trials"):
            request = outcome.request
            if outcome.failure is not None:
                records[request.trial.id] = self._fail(request.trial, outcome.failure, request.attempt)
            elif outcome.result is not None:
                records[request.trial.id] = outcome.result
        return [records[trial.id] for trial in trials]

    def _run(
        self, function: Callable[[_Request], _Result], requests: Sequence[_Request], unit: str
    ) -> Iterator[Outcome[_Request, _Result]]:
        with progress_bar(len(requests), f"{self.key}: {unit}", unit.removesuffix("s")) as bar:
            for outcome in self.pool.run(function, requests):
                bar.update()
                yield outcome

    def _expanded(self, config: ClusteringConfig) -> list[ClusteringConfig]:
        """What an entry of a grid stands for; the entry itself where it is not prepared, as nobody knows that yet."""
        algorithm = algorithm_named(config.algorithm)
        try:
            return [
                ClusteringConfig(config.algorithm, config.space, params)
                for params in algorithm.expand(self.geometries[config.space], config.params)
            ]
        except FileNotFoundError:
            return [config]

    def _is_finished(self, config: ClusteringConfig) -> bool:
        known = [self.journal.read(Trial(self.key, each).id) for each in self._expanded(config)]
        return all(record is not None and self._is_settled(record) for record in known)

    def _is_settled(self, record: TrialRecord) -> bool:
        return is_settled(record, self.pool.timeout, retry_failed=self.settings.retry_failed)

    def _fail(self, trial: Trial, failure: Failure, attempt: int) -> TrialRecord:
        record = failed_record(trial, failure, attempt)
        self.journal.write(record, None)
        return record

    def _drawn(self, trials: list[Trial]) -> list[Trial]:
        most = self.settings.max_trials
        if most is None or len(trials) <= most:
            return trials
        chosen = random.Random(self.settings.seed).sample(range(len(trials)), most)
        return [trials[number] for number in sorted(chosen)]


def _preparation_key(config: ClusteringConfig) -> _PreparationKey | None:
    if config.algorithm == NULL_BASELINE.name:
        return None
    name = algorithm_named(config.algorithm).preparation(config.params)
    return None if name is None else (config.algorithm, config.space, name)
