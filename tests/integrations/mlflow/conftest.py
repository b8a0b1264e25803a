"""Summaries to log: every algorithm, two embeddings, and trials that failed, timed out or found nothing."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runner.cluster.trial import ClusteringConfig, ParameterValue, Trial, TrialStatus
from runner.images.image_set import SkippedImage
from runner.integrations.mlflow.experiment_log import check_store, log_experiment
from runner.integrations.mlflow.mlflow_store import open_store
from runner.integrations.mlflow.run_log import LoggedRuns
from runner.integrations.mlflow.run_records import files_below
from runner.integrations.mlflow.tracking_uri import STORE, default_tracking_uri
from runner.results.summary import EmbeddingRecord, ExperimentRecord, ImagesRecord, NullRecord, Summary, TrialRecord
from runner.score.scores import Scores

START = 1_700_000_000_000

EMBEDDINGS = (
    EmbeddingRecord(
        key="ViT-B-32-openai-224-letterbox-0123456789ab",
        model="ViT-B-32",
        weights="openai",
        resolution=224,
        fit="letterbox",
        precision="float32",
        dimension=512,
        embedded=100,
        cached=0,
    ),
    EmbeddingRecord(
        key="precomputed-ba9876543210",
        model="precomputed",
        weights="",
        resolution=None,
        fit=None,
        precision=None,
        dimension=64,
        embedded=0,
        cached=100,
    ),
)

CONFIGS: tuple[tuple[str, str, dict[str, ParameterValue]], ...] = (
    ("kmeans", "none", {"n_clusters": 5}),
    ("kmeans", "pca:32", {"n_clusters": 10}),
    ("gmm", "pca:32", {"n_clusters": 5, "covariance": "diag"}),
    ("hdbscan", "none", {"min_cluster_size": 5, "min_samples": 3, "epsilon": 0.1, "selection": "eom"}),
    ("dbscan", "none", {"eps": 0.25, "min_samples": 5}),
)


def scores(number: int) -> Scores:
    share = 1 / (number + 2)
    return Scores(
        n_clusters=5 + number,
        noise_share=share / 2,
        largest_share=share,
        balance=1 - share,
        effective_clusters=4.5 + number,
        silhouette=share,
        davies_bouldin=1 + share,
        calinski_harabasz=100.0 + number,
        composite=0.5,
        neighbor_agreement=0.7,
        neighbor_information=1.5 + share,
        null_neighbor_information=0.01,
        beats_null=True,
        ranking_score=1.5 + share,
    )


def trial(
    number: int,
    embedding: EmbeddingRecord,
    config: tuple[str, str, dict[str, ParameterValue]],
    status: TrialStatus = TrialStatus.DONE,
) -> TrialRecord:
    clustering = ClusteringConfig(*config)
    done = status is TrialStatus.DONE
    return TrialRecord(
        id=Trial(embedding.key, clustering).id,
        embedding=embedding.key,
        algorithm=clustering.algorithm,
        space=clustering.space,
        params=dict(clustering.params),
        status=status,
        error=None if done else "the covariance of component 3 is not positive definite",
        scores=scores(number) if done else None,
        details={"inertia": 12.5 + number, "approximate": False} if done and clustering.algorithm == "kmeans" else {},
        seconds=0.5 + number,
        finished_at=START + 1000 * number,
    )


def summary_of(trials: Sequence[TrialRecord], fingerprint: str = "fingerprint-1", **changes: object) -> Summary:
    done = [record for record in trials if record.scores is not None]
    ranked = sorted(done, key=lambda record: -(record.scores.ranking_score or 0) if record.scores else 0)
    summary = Summary(
        experiment=ExperimentRecord(
            name="stamps", fingerprint=fingerprint, seed=42, version="0.1.0", yardstick="by the other embedding's graph"
        ),
        images=ImagesRecord(
            root="/images/stamps", found=101, embedded=100, cached=0, skipped=[SkippedImage("a.png", "truncated")]
        ),
        embeddings=list(EMBEDDINGS),
        trials=list(trials),
        null_baselines=[
            NullRecord(id="null-5", embedding=EMBEDDINGS[0].key, n_clusters=5, scores=scores(90), rank=len(ranked) + 1)
        ],
        ranking=[record.id for record in ranked],
        seconds={"embed": 12.5, "cluster": 3.25},
    )
    return summary.model_copy(update=changes)


@pytest.fixture(scope="session")
def trials() -> list[TrialRecord]:
    """Ten trials, of which one failed and one timed out."""
    statuses = {3: TrialStatus.FAILED, 8: TrialStatus.TIMED_OUT}
    pairs = [(embedding, config) for embedding in EMBEDDINGS for config in CONFIGS]
    return [trial(n, *pair, statuses.get(n, TrialStatus.DONE)) for n, pair in enumerate(pairs)]


@pytest.fixture(scope="session")
def make_summary() -> Callable[..., Summary]:
    return summary_of


@pytest.fixture
def files(tmp_path: Path) -> Callable[[str], dict[str, Path]]:
    """Files of a trial: some for k-means, none for others."""
    folder = tmp_path / "rank_01"
    (folder / "clusters").mkdir(parents=True)
    (folder / "info.json").write_text("{}")
    (folder / "clusters" / "cluster_000.jpg").write_bytes(b"jpg")
    kept = files_below(folder, [folder / "clusters" / "cluster_000.jpg", folder / "info.json"])
    return lambda key: kept if key.startswith("kmeans") else {}


@dataclass(frozen=True)
class Store:
    """A real MLflow store in SQLite, and what is in it according to MLflow."""

    out: Path

    @property
    def uri(self) -> str:
        return default_tracking_uri(self.out)

    def log(self, summary: Summary, name: str = "stamps", **options: Any) -> LoggedRuns:
        return log_experiment(summary, tracking_uri=self.uri, experiment_name=name, out=self.out, **options)

    def ask(self, question: Callable[[Any], Any]) -> Any:
        """What MLflow's client answers."""
        with open_store(self.uri, self.out) as client:
            return question(client)

    def runs(self, name: str = "stamps") -> list[Any]:
        """All runs that are not deleted, oldest first."""

        def search(client: Any) -> list[Any]:
            experiment = client.get_experiment_by_name(name)
            return list(client.search_runs([experiment.experiment_id], order_by=["attributes.start_time"]))

        return self.ask(search)

    def children(self) -> dict[str, Any]:
        """The child runs by trial id."""
        runs = self.runs()
        parents = {run.info.run_id for run in runs if "mlflow.parentRunId" not in run.data.tags}
        children = [run for run in runs if run.data.tags.get("mlflow.parentRunId") in parents]
        assert len(children) + len(parents) == len(runs)
        assert len({run.data.tags["imagesweep.trial"] for run in children}) == len(children)
        return {run.data.tags["imagesweep.trial"]: run for run in children}

    def history(self, run_id: str) -> dict[str, list[tuple[float, int, int]]]:
        """All points (value, timestamp, step) of every metric of a run."""

        def points(client: Any) -> dict[str, list[tuple[float, int, int]]]:
            keys = client.get_run(run_id).data.metrics
            return {
                key: [(each.value, each.timestamp, each.step) for each in client.get_metric_history(run_id, key)]
                for key in keys
            }

        return self.ask(points)


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with a fresh store, made once, as that takes seconds."""
    out = tmp_path_factory.mktemp("store") / "results"
    check_store(default_tracking_uri(out), "stamps", out)
    shutil.copy(out / STORE, out.parent / "template.db")
    return out


@pytest.fixture
def store(empty_store: Path) -> Store:
    shutil.rmtree(empty_store)
    empty_store.mkdir()
    shutil.copy(empty_store.parent / "template.db", empty_store / STORE)
    return Store(empty_store)


@pytest.fixture(scope="module")
def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
