"""The typed form of ``summary.json``, the contract that other tools read."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, model_validator

from runner.cluster.trial import ClusteringConfig, FailureKind, ParameterValue, Trial, TrialStatus
from runner.embed.families.autoencoder import TrainingRecord
from runner.images.image_set import SkippedImage
from runner.score.scores import Scores

FORMAT: Literal[2] = 2
"""Of the summaries that are written now."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ExperimentRecord(_Record):
    """Identity of the experiment.

    ``fingerprint`` covers the images' content, the embedding keys, the clustering configs and the seed.
    """

    name: str
    fingerprint: str
    seed: int
    version: str
    tracking_uri: str | None = None
    mlflow_run_id: str | None = None
    yardstick: str = ""
    """How trials of different embeddings were compared, in one sentence."""


class ImagesRecord(_Record):
    """``found`` names of images (after sampling), of which ``embedded`` needed a forward pass, ``cached`` did not,
    and ``skipped`` could not be used: found = embedded + cached + len(skipped).

    ``same_file`` groups names of one file, of which the first was embedded and the others count as cached;
    ``unread_kinds`` counts the files that are no pictures, by kind."""

    root: str | None
    found: int
    embedded: int
    cached: int
    skipped: list[SkippedImage]
    same_file: list[list[str]] = []
    unread_kinds: dict[str, int] = {}
    roots: dict[str, str] = {}
    """Where there are several folders of images: each by the name that begins the names of its images."""

    def file_of(self, image: str) -> Path | None:
        """The file of an image by its name; None where names are not those of files."""
        if self.root is not None:
            return Path(self.root) / image
        name, _, rest = image.partition("/")
        return Path(self.roots[name]) / rest if name in self.roots else None


class EmbeddingRecord(_Record):
    key: str
    model: str
    weights: str
    resolution: int | None
    fit: str | None
    precision: str | None
    dimension: int
    embedded: int
    cached: int


class TrialRecord(_Record):
    """What came of one trial.

    ``failure`` tells why one that is not done gave no labels, ``attempts`` in how many calls it was tried;
    ``finished_at`` is milliseconds since the epoch.
    """

    id: str
    embedding: str
    algorithm: str
    space: str
    params: dict[str, ParameterValue]
    status: TrialStatus
    failure: FailureKind | None = None
    attempts: int = 1
    error: str | None = None
    scores: Scores | None = None
    details: dict[str, ParameterValue] = {}
    seconds: float
    finished_at: int

    @model_validator(mode="before")
    @classmethod
    def _of_format_1(cls, record: Any) -> Any:
        """Records of the first format say no more than that the time was up, or that it failed."""
        if not isinstance(record, dict) or "failure" in record or record.get("status") in (None, TrialStatus.DONE):
            return record
        timed_out = record["status"] == TrialStatus.TIMED_OUT
        return record | {"failure": FailureKind.TIME if timed_out else FailureKind.PROCESS}

    @property
    def trial(self) -> Trial:
        return Trial(self.embedding, ClusteringConfig(self.algorithm, self.space, self.params))


class EmbeddingTraining(_Record):
    """How the model of an embedding was trained on the images themselves."""

    embedding: str
    record: TrainingRecord


class NullRecord(_Record):
    """A null baseline: random labels, scored like a trial. ``rank`` is the place it would have among
    the trials (1 = best), which no trial that beats chance may stand below."""

    id: str
    embedding: str
    n_clusters: int
    scores: Scores
    rank: int


class Summary(_Record):
    """Everything about a finished experiment but the labels themselves."""

    format: Literal[1, 2] = 1
    """Files of the first format do not say so."""
    experiment: ExperimentRecord
    images: ImagesRecord
    embeddings: list[EmbeddingRecord]
    trials: list[TrialRecord]
    null_baselines: list[NullRecord] = []
    trainings: list[EmbeddingTraining] = []
    ranking: list[str]
    seconds: dict[str, float] = {}
    """Wall time by stage."""

    def trial(self, trial_id: str) -> TrialRecord:
        """The trial with that id; KeyError if there is none."""
        for record in self.trials:
            if record.id == trial_id:
                return record
        raise KeyError(trial_id)
