"""ImageSweep: embed images, sweep clusterings over them, and see what is in the heap.

>>> import runner
>>> config = runner.ExperimentConfig(images="photos", models=["ViT-B-32"], random_state=7)
>>> config.seed
7

``runner.run_experiment(config)`` runs it and returns what ``summary.json`` holds, as :class:`runner.Summary`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from runner.version import __version__

if TYPE_CHECKING:
    from runner.config.experiment import ExperimentConfig as ExperimentConfig
    from runner.duplicates.config import DuplicatesConfig as DuplicatesConfig
    from runner.errors import NoUsableClusteringError as NoUsableClusteringError
    from runner.errors import RunnerError as RunnerError
    from runner.errors import UsageError as UsageError
    from runner.experiment.duplicates import find_duplicates as find_duplicates
    from runner.experiment.results import open_experiment as open_experiment
    from runner.experiment.run import run_experiment as run_experiment
    from runner.export.config import ExportConfig as ExportConfig
    from runner.export.export import export_clusters as export_clusters
    from runner.export.undo import undo_export as undo_export
    from runner.results.summary import Summary as Summary
    from runner.similar.config import SimilarConfig as SimilarConfig
    from runner.similar.find import find_similar as find_similar

_PLACES = {
    "DuplicatesConfig": "runner.duplicates.config",
    "ExperimentConfig": "runner.config.experiment",
    "ExportConfig": "runner.export.config",
    "NoUsableClusteringError": "runner.errors",
    "RunnerError": "runner.errors",
    "SimilarConfig": "runner.similar.config",
    "Summary": "runner.results.summary",
    "UsageError": "runner.errors",
    "export_clusters": "runner.export.export",
    "find_duplicates": "runner.experiment.duplicates",
    "find_similar": "runner.similar.find",
    "open_experiment": "runner.experiment.results",
    "run_experiment": "runner.experiment.run",
    "undo_export": "runner.export.undo",
}

__all__ = [*_PLACES, "__version__"]


def __getattr__(name: str) -> Any:
    """Import what is asked for, so that ``import runner`` is instant."""
    if name not in _PLACES:
        raise AttributeError(f"module 'runner' has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
