"""The one place that strings everything together: images, embeddings, sweeps, ranking, results, MLflow."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from runner import __version__
from runner.config import ExperimentConfig
from runner.config_file import load_preset
from runner.errors import NoUsableClusteringError
from runner.fingerprints import data_digest, experiment_digest
from runner.images.source import Source, open_folder, open_vectors, require_enough
from runner.output.summary import EmbeddingRecord, ExperimentRecord, ImagesRecord, Summary

if TYPE_CHECKING:
    from runner.cluster.grids import Grid
    from runner.embed.embedding_config import EmbeddingConfig
    from runner.embed.pipeline import EmbeddingRun
    from runner.engine.sweep import SweepResult
    from runner.plan import Plan

Say = Callable[[str], None]
"""Told each line of what is going on."""

LARGEST_REPORTED = 10
"""Skipped files that are named on the terminal; all of them are in the results."""


def run_experiment(config: ExperimentConfig, say: Say = lambda line: None) -> Summary:
    """Embed, sweep, score, rank, write results and log them; what was done before is not done again.

    Args:
        config: all settings.
        say: told what is going on, line by line.

    Returns:
        the same as ``summary.json``.

    Raises:
        RunnerError: something could not be done; what is finished stays, and the same call resumes.
        NoUsableClusteringError: everything ran, but no trial gave a usable clustering; results are written.
    """
    return _Experiment(config, say).run()


def plan_experiment(config: ExperimentConfig) -> Plan:
    """What ``run_experiment`` would do."""
    return _Experiment(config, lambda line: None).plan()


class _Experiment:
    """The stages of one call, in the order in which they run."""

    def __init__(self, config: ExperimentConfig, say: Say) -> None:
        from runner.cluster.grids import check_sizes, parse_grids
        from runner.output.previous import check_out
        from runner.track.experiment_log import checked_experiment_name
        from runner.track.tracking_uri import checked_tracking_uri, default_tracking_uri

        self.config, self.say = config, say
        self.out = config.out.expanduser()
        self.cache_dir = config.cache_dir.expanduser()
        self.seconds: dict[str, float] = {}
        self.grids: list[Grid] = parse_grids(
            load_preset(config.mode), algorithms=config.algorithms, spaces=config.spaces, overrides=config.sweep
        )
        self.source = _open_source(config)
        require_enough(self.source.images, self.source.location, self.source.skipped)
        check_sizes(self.grids, len(self.source.images))
        check_out(self.out)
        self.name = checked_experiment_name(config.experiment_name or self.source.name)
        uri = config.tracking_uri
        self.tracking_uri = default_tracking_uri(self.out) if uri is None else checked_tracking_uri(uri)
        self.embedding_configs: list[EmbeddingConfig] = []
        if self.source.vectors_path is None:
            from runner.embed.model_resolver import resolve_configs

            self.embedding_configs = resolve_configs(
                config.models, config.resolutions, config.preprocess, config.precision, self.cache_dir
            )

    def run(self) -> Summary:
        from runner.output.outputs import outputs_complete
        from runner.track.experiment_log import check_store

        config = self.config
        for line in self.plan().lines():
            self.say(line)
        _require_writable(self.out)
        check_store(self.tracking_uri, self.name, self.out)
        embedded = self._embed()
        require_enough(embedded.images, self.source.location, embedded.skipped)
        sweeps = self._sweep(embedded)
        summary = self._ranked(embedded, sweeps)
        if not outputs_complete(self.out, summary, config.top, self.source.targets):
            self._write(summary, embedded, sweeps)
        summary = self._log(summary, embedded)
        self._tell(summary)
        if not summary.ranking:
            raise NoUsableClusteringError(
                f"none of {len(summary.trials)} trials gave a usable clustering (see {self.out / 'trials.csv'}); "
                "try more images, another model or --mode balanced"
            )
        return summary

    def plan(self) -> Plan:
        """What this call will do."""
        from runner.embed.commands import count_cached
        from runner.plan import Plan, PlannedEmbedding

        n_images = len(self.source.images)
        if self.source.vectors_path is not None:
            planned = [PlannedEmbedding(self.source.name, 0, 0)]
        else:
            cached = count_cached(self.source.images, self.embedding_configs, self.cache_dir)
            if self.config.force_embeddings:
                cached = dict.fromkeys(cached, 0)
            planned = [PlannedEmbedding(key, hits, n_images - hits) for key, hits in cached.items()]
        return Plan(
            location=self.source.location,
            n_images=n_images,
            total=self.source.total,
            skipped=len(self.source.skipped),
            embeddings=planned,
            grids=self.grids,
            max_trials=self.config.max_trials,
            out=str(self.out),
            tracking_uri=self.tracking_uri,
            note=self.source.note,
        )
