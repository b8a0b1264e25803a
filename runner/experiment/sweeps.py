"""The middle of an experiment: every trial of every embedding, run or read from the journal."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from runner.cluster.flat_map import EmbeddingMap
from runner.cluster.geometry import open_geometry
from runner.cluster.graph.similarity_tree import SimilarityTree
from runner.cluster.grids import Grid, grids_of_embedding
from runner.config.experiment import ExperimentConfig
from runner.embed.device import select_device
from runner.embed.pipeline import EmbeddingRun
from runner.engine.capacity import Capacity
from runner.engine.journal import Journal
from runner.engine.local import WorkerPool
from runner.engine.shared import shared_map
from runner.engine.sweep import SweepResult, SweepSettings, run_sweep
from runner.results.summary import TrialRecord
from runner.utils.stage_clock import StageClock


@dataclass(frozen=True)
class Study:
    """The sweeps of an experiment, by embedding key.

    Attributes:
        data: digest of what all trials depend on.
        journal: records and labels of the trials.
        sweeps: what each embedding gave.
        seed: of everything random.
        marked: rows that must be on maps.
    """

    data: str
    journal: Journal
    sweeps: Mapping[str, SweepResult]
    seed: int
    marked: tuple[int, ...]

    @property
    def records(self) -> list[TrialRecord]:
        """All trials, in the order of embeddings and grids."""
        return [record for sweep in self.sweeps.values() for record in sweep.records]

    @property
    def null_records(self) -> list[TrialRecord]:
        """The null baselines of all embeddings."""
        return [record for sweep in self.sweeps.values() for record in sweep.null_records]

    def flat_map(self, key: str) -> EmbeddingMap:
        """An embedding's flat map."""
        return shared_map(open_geometry(self.sweeps[key].geometry), key, self.seed, self.marked)

    def tree(self, key: str) -> SimilarityTree:
        """The tree of cosine similarities of an embedding's images."""
        return SimilarityTree.of_geometry(open_geometry(self.sweeps[key].geometry))

    def graphs(self) -> dict[str, np.ndarray]:
        """The neighbour indices of every embedding, int32, shape (n, k)."""
        return {key: open_geometry(sweep.geometry).neighbors.indices for key, sweep in self.sweeps.items()}


def sweep_embeddings(
    embedded: EmbeddingRun,
    config: ExperimentConfig,
    grids: Sequence[Grid],
    targets: Sequence[str],
    data: str,
    folder: Path,
    clock: StageClock,
) -> Study:
    """Run what is not in the journal yet, one embedding after the other.

    Args:
        embedded: the vectors.
        config: of the experiment.
        grids: what is swept.
        targets: ids of the images that must be on maps.
        data: digest of what all trials depend on; each has its own journal.
        folder: where the journal is kept.
        clock: measures each stage.
    """
    journal = folder / f"journal-{data}"
    if config.fresh:
        shutil.rmtree(journal, ignore_errors=True)
    marked = tuple(embedded.images.rows_present(targets))
    settings = SweepSettings(
        grids=grids,
        seed=config.seed,
        device=str(select_device(config.device)),
        max_trials=config.max_trials,
        journal=journal,
        truth=embedded.images.labels,
        image_paths=embedded.images.paths,
        exact_up_to=config.exact_up_to,
        marked=marked,
        retry_failed=config.retry_failed,
    )
    dimension = max(embedding.dimension for embedding in embedded.embeddings)
    workers = Capacity.of_this_process().workers(config.workers, len(embedded.images), dimension)
    with WorkerPool(workers, config.trial_timeout) as pool:
        sweeps = {
            embedding.key: run_sweep(
                embedding,
                embedding.vectors_path.with_suffix(""),
                replace(settings, grids=grids_of_embedding(grids, number)),
                pool,
                clock,
            )
            for number, embedding in enumerate(embedded.embeddings)
        }
    return Study(data, Journal(journal), sweeps, config.seed, marked)
