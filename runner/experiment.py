"""The one place that strings everything together: images, embeddings, sweeps, ranking, results, MLflow."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Iterator

import numpy as np

from runner import __version__
from runner.config import ExperimentConfig
from runner.config_file import dump_config, load_preset
from runner.errors import NoUsableClusteringError
from runner.images.image_set import ImageSet
from runner.images.source import Source, open_folder, open_vectors, require_enough
from runner.output.summary import EmbeddingRecord, ExperimentRecord, ImagesRecord, Summary

if TYPE_CHECKING:
    from runner.cluster.grids import Grid
    from runner.embed.pipeline import EmbeddingRun
    from runner.engine.sweep import SweepResult
    from runner.plan import Plan

Say = Callable[[str], None]
"""Told each line of what is going on."""


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
    raise NotImplementedError
