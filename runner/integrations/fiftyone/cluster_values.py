"""What is written about each sample of a clustering, computed from an experiment's results. No FiftyOne in here."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from runner.cluster.trial import NOISE, TrialStatus
from runner.embed.cache.matrix_files import find_matrix
from runner.errors import RunnerError, UsageError
from runner.images.image_set import ImageSet
from runner.images.same_file import with_names_joined
from runner.results.files import read_labels, read_paths
from runner.results.paths import CONFIG, WORK
from runner.results.summary import Summary, TrialRecord

NOISE_LABEL = "noise"

ALONE = 0.5
"""Confidence of an image with nothing to compare it with: the only one of its cluster, or in the only cluster."""


@dataclass(frozen=True)
class ClusterValues:
    """A trial, image by image.

    Attributes:
        trial: its record.
        images: name of each image, as in ``labels.parquet``.
        labels: int32, shape (n,); ``NOISE`` for noise.
        sizes: int64, shape (n,): files in the same cluster (or in the noise), of which a file's names are one.
        confidence: float64, shape (n,), 0 to 1: how well the image sits in its cluster, (silhouette + 1) / 2, with the
            cosine distance in the embedding; NaN for noise.
        medoids: bool, shape (n,): whether it is the image nearest to its cluster's mean; one per cluster.
    """

    trial: TrialRecord
    images: tuple[str, ...]
    labels: np.ndarray
    sizes: np.ndarray
    confidence: np.ndarray
    medoids: np.ndarray

    @cached_property
    def digest(self) -> str:
        """Of the images and their labels: two clusterings with the same digest are one and the same."""
        state = hashlib.blake2b("\n".join(self.images).encode("utf-8", "backslashreplace"), digest_size=12)
        state.update(np.ascontiguousarray(self.labels, dtype="<i4").tobytes())
        return state.hexdigest()

    @property
    def n_clusters(self) -> int:
        return int(self.labels.max(initial=NOISE)) + 1


def default_label(cluster: int) -> str:
    """``cluster 007``, or ``noise``."""
    return NOISE_LABEL if cluster == NOISE else f"cluster {cluster:03d}"


def cluster_values(out: Path, summary: Summary, trial_id: str) -> ClusterValues:
    """Labels, sizes, confidences and medoids of one trial of the results in ``out``.

    Raises:
        UsageError: there is no such trial, or it gave no labels.
        RunnerError: the labels can't be read, or the vectors were deleted since.
    """
    from runner.score.cluster_statistics import cluster_facts  # brings PyTorch, which reading labels needs not wait for

    trial = _done_trial(out, summary, trial_id)
    by_name = ImageSet(read_paths(out), ())
    files = with_names_joined(by_name, summary.images.same_file)
    firsts, row_of_name = by_name.rows_of(files.ids), files.rows_of(by_name.ids)
    labels = read_labels(out, trial_id)[firsts]
    facts = cluster_facts(labels, embedding_vectors(out, trial.embedding, len(files)))
    silhouette = facts.silhouette if facts.silhouette is not None else np.zeros(len(labels))
    confidence = np.where(labels == NOISE, np.nan, np.clip((silhouette + 1) / 2, 0, 1))
    confidence[(labels != NOISE) & (facts.sizes[labels] == 1)] = ALONE
    medoids = np.zeros(len(by_name), dtype=bool)
    medoids[[firsts[facts.medoid(cluster)] for cluster in range(facts.n_clusters)]] = True
    sizes = np.bincount(labels + 1, minlength=1)[labels + 1]  # noise first
    return ClusterValues(trial, by_name.ids, labels[row_of_name], sizes[row_of_name], confidence[row_of_name], medoids)


def embedding_vectors(out: Path, key: str, rows: int) -> np.ndarray:
    """The L2-normalised vectors of an embedding of finished results, float32, shape (rows, dimension), memory-mapped.

    Raises:
        RunnerError: they were deleted since.
    """
    path = find_matrix(out / WORK, key, rows)
    if path is None:
        raise RunnerError(
            f"the vectors of {key} are no longer in {out / WORK}; `runner experiment --config {out / CONFIG}` puts "
            "them there again, from the cache where that still has them"
        )
    return np.load(path, mmap_mode="r", allow_pickle=False)


def _done_trial(out: Path, summary: Summary, trial_id: str) -> TrialRecord:
    try:
        trial = summary.trial(trial_id)
    except KeyError:
        raise UsageError(
            f"{out} has no trial {trial_id!r}; its ranking begins {', '.join(summary.ranking[:3])}"
        ) from None
    if trial.status is not TrialStatus.DONE:
        raise UsageError(f"the trial {trial_id} gave no labels: {trial.error}; choose another")
    return trial
