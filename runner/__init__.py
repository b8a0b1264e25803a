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

if TYPE_CHECKING:
    from runner.config import ExperimentConfig as ExperimentConfig
    from runner.errors import NoUsableClusteringError as NoUsableClusteringError
    from runner.errors import RunnerError as RunnerError
    from runner.errors import UsageError as UsageError
    from runner.experiment import run_experiment as run_experiment
    from runner.output.summary import Summary as Summary

__version__ = "0.1.0"

_PLACES = {
    "ExperimentConfig": "runner.config",
    "NoUsableClusteringError": "runner.errors",
    "RunnerError": "runner.errors",
    "Summary": "runner.output.summary",
    "UsageError": "runner.errors",
    "run_experiment": "runner.experiment",
}

__all__ = [*_PLACES, "__version__"]


def __getattr__(name: str) -> Any:
    """Import what is asked for, so that ``import runner`` is instant."""
    if name not in _PLACES:
        raise AttributeError(f"module 'runner' has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
