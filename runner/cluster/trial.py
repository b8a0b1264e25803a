"""Trials: what is run, and what came of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

NOISE = -1
"""Label of an image that belongs to no cluster."""

ParameterValue = int | float | str | bool


@dataclass(frozen=True)
class ClusteringConfig:
    """An algorithm, the space it works in, and its parameters, fully resolved."""

    algorithm: str
    space: str = "none"
    params: Mapping[str, ParameterValue] = field(default_factory=dict)

    def identity(self) -> dict[str, object]:
        """JSON-ready form, the same for equal configs."""
        return {"algorithm": self.algorithm, "space": self.space, "params": dict(sorted(self.params.items()))}

    def describe(self) -> str:
        """One line for people: ``hdbscan (min_cluster_size=10, min_samples=5) in pca:64``."""
        params = ", ".join(
            f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}"
            for name, value in self.params.items()
        )
        where = "" if self.space == "none" else f" in {self.space}"
        return f"{self.algorithm} ({params}){where}" if params else f"{self.algorithm}{where}"


@dataclass(frozen=True)
class Trial:
    """One embedding config × one clustering config."""

    embedding: str
    clustering: ClusteringConfig

    @property
    def id(self) -> str:
        """``<algorithm>-<hash>``: short, unique in an experiment, the same on every call."""
        identity = {"embedding": self.embedding, **self.clustering.identity()}
        digest = hashlib.blake2b(json.dumps(identity, sort_keys=True).encode(), digest_size=5).hexdigest()
        return f"{self.clustering.algorithm}-{digest}"


class TrialStatus(StrEnum):
    DONE = "done"
    FAILED = "failed"
    TIMED_OUT = "timed_out"


class FailureKind(StrEnum):
    """Why a trial gave no labels."""

    REFUSED = "refused"
    """It can't work with these settings on these vectors, and says so."""
    ERROR = "error"
    """The algorithm raised."""
    MEMORY = "memory"
    DISK = "disk"
    PROCESS = "process"
    """The process that ran it died."""
    TIME = "time"
    """Its time limit ended it."""


@dataclass(frozen=True)
class Clustering:
    """Labels of one trial.

    Attributes:
        labels: int32, shape (n_images,); 0 … n_clusters-1 without gaps, ``NOISE`` for noise.
        details: further facts worth reporting, e.g. ``inertia`` or ``approximate``.
    """

    labels: np.ndarray
    details: Mapping[str, ParameterValue] = field(default_factory=dict)

    @property
    def n_clusters(self) -> int:
        return int(self.labels.max(initial=NOISE)) + 1
