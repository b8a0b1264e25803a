"""Small finished experiments to write results of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from runner.cluster.trial import NOISE, ClusteringConfig, Trial, TrialStatus
from runner.images.image_set import ImageSet, SkippedImage
from runner.report.inputs import Results
from runner.results.summary import EmbeddingRecord, ExperimentRecord, ImagesRecord, NullRecord, Summary, TrialRecord
from runner.score.scores import Scores

KEYS = ("ViT-B-32-openai-224-letterbox-0123456789ab", "ViT-B-32-openai-224-center_crop-ba9876543210")


def unit_vectors(n: int, dimension: int = 16, seed: int = 0) -> np.ndarray:
    """Rows of length one around five directions."""
    generator = np.random.default_rng(seed)
    centers = generator.normal(size=(5, dimension))
    vectors = centers[np.arange(n) % 5] + 0.4 * generator.normal(size=(n, dimension))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def embedding_record(key: str, dimension: int = 16) -> EmbeddingRecord:
    return EmbeddingRecord(
        key=key,
        model="ViT-B-32",
        weights="openai",
        resolution=224,
        fit=key.split("-")[-2],
        precision="float32",
        dimension=dimension,
        embedded=1,
        cached=0,
    )


def scores_of(labels: np.ndarray, ranking_score: float) -> Scores:
    sizes = np.bincount(labels[labels != NOISE], minlength=1)
    return Scores(
        n_clusters=int(labels.max(initial=NOISE)) + 1,
        noise_share=float((labels == NOISE).mean()) if len(labels) else 0.0,
        largest_share=float(sizes.max() / max(1, len(labels))),
        balance=0.5,
        effective_clusters=3.0,
        silhouette=0.1,
        neighbor_agreement=0.7,
        beats_null=ranking_score > 0.2,
        ami=ranking_score / 2,
        ranking_score=ranking_score,
    )


def trial_record(
    trial: Trial, status: TrialStatus = TrialStatus.DONE, scores: Scores | None = None, error: str | None = None
) -> TrialRecord:
    return TrialRecord(
        id=trial.id,
        embedding=trial.embedding,
        algorithm=trial.clustering.algorithm,
        space=trial.clustering.space,
        params=dict(trial.clustering.params),
        status=status,
        error=error,
        scores=scores,
        seconds=0.25,
        finished_at=1_700_000_000_000,
    )


def write_images(root: Path, names: Sequence[str]) -> tuple[Path, ...]:
    """One small picture per name, of varying shape and colour."""
    paths = []
    for number, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        color = (40 * number % 256, 90 * number % 256, 200 - number % 200)
        Image.new("RGB", (24 + number % 30, 40), color).save(path, "PNG")
        paths.append(path)
    return tuple(paths)


def make_results(
    root: Path | None,
    names: Sequence[str],
    *,
    keys: Sequence[str] = KEYS,
    fingerprint: str = "f00dfeedbeef0123",
    clusters: Sequence[int] = (3, 5),
    failed: int = 1,
    targets: Sequence[str] = (),
    name: str = "shapes",
) -> Results:
    """An experiment on ``names``: for each embedding a trial with so many clusters and every seventh image noise.

    Args:
        root: folder to write the images to; None for an experiment without image files.
        names: image ids.
        keys: embedding keys.
        fingerprint: of the experiment.
        clusters: number of clusters of each embedding's trials.
        failed: trials of each embedding that failed.
        targets: ids of targets.
        name: of the experiment.
    """
    n = len(names)
    vectors = {key: unit_vectors(n, seed=place) for place, key in enumerate(keys)}
    labels: dict[str, np.ndarray] = {}
    trials: list[TrialRecord] = []
    for place, key in enumerate(keys):
        for k in clusters:
            trial = Trial(key, ClusteringConfig("kmeans", params={"n_clusters": k, "tolerance": 0.5}))
            own = (np.arange(n) % min(k, max(n, 1))).astype(np.int32)
            own[6::7] = NOISE
            labels[trial.id] = np.unique(own, return_inverse=True)[1].astype(np.int32) - int((own == NOISE).any())
            score = 0.1 * k + 0.01 * place
            trials.append(trial_record(trial, scores=scores_of(labels[trial.id], score)))
        for number in range(failed):
            trial = Trial(key, ClusteringConfig("gmm", "pca:8", {"n_clusters": 100 + number}))
            status = TrialStatus.TIMED_OUT if number % 2 else TrialStatus.FAILED
            trials.append(trial_record(trial, status, error='ValueError: "covariance" is <singular>, see\nline 2'))
    scored = [trial for trial in trials if trial.scores is not None]
    ranking = [trial.id for trial in sorted(scored, key=lambda trial: -(trial.scores.ranking_score or 0))]  # type: ignore[union-attr]
    random = Scores(4, 0.0, 0.3, 0.9, 3.9, ranking_score=0.05)
    nulls = [
        NullRecord(id=f"null-{key}", embedding=key, n_clusters=4, scores=random, rank=len(ranking) + 1)
        for key in keys[:1]
        if ranking
    ]
    summary = Summary(
        experiment=ExperimentRecord(name=name, fingerprint=fingerprint, seed=7, version="0.1.0", yardstick="by itself"),
        images=ImagesRecord(
            root=None if root is None else str(root),
            found=n + 1,
            embedded=n,
            cached=0,
            skipped=[SkippedImage("broken.png", "the file is empty")],
        ),
        embeddings=[embedding_record(key) for key in keys],
        trials=trials,
        null_baselines=nulls,
        ranking=ranking,
        seconds={"embed": 3.0, "trials": 0.5},
    )
    images = ImageSet(tuple(names), () if root is None else write_images(root, names), root)
    return Results(
        summary,
        images,
        labels.__getitem__,
        vectors.__getitem__,
        config_yaml="seed: 7\n",
        targets=tuple(targets),
        workers=1,
    )


def image_names(n: int) -> list[str]:
    return [f"folder {number % 3}/image-{number:03d}.png" for number in range(n)]
