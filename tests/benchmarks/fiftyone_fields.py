"""Reading samples and writing cluster fields, against what FiftyOne alone needs for the same values.

    python tests/benchmarks/fiftyone_fields.py --samples 50000 --fields 3

A database of its own in a temporary folder; samples are paths without files. The goal is a ratio of at most 1.2.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).parents[2]))

from runner.cluster.trial import ClusteringConfig, Trial
from runner.images.image_set import ImageSet
from runner.results.files import write_results
from runner.results.paths import WORK
from runner.results.summary import ExperimentRecord, ImagesRecord, Summary
from tests.mongod import end_server, own_database, start_server
from tests.report.experiments import embedding_record, scores_of, trial_record

KEY = "ViT-B-32-openai-224-letterbox-0123456789ab"
CLUSTERS = 500
DIMENSION = 512


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=50_000)
    parser.add_argument("--fields", type=int, default=3)
    options = parser.parse_args()
    server = start_server(own_database())
    try:
        with tempfile.TemporaryDirectory() as folder:
            _measure(options.samples, options.fields, Path(folder) / "results")
    finally:
        end_server(server)


def _measure(n: int, n_fields: int, out: Path) -> None:
    import fiftyone as fo

    from runner.images.source import SourceWishes
    from runner.integrations.fiftyone.cluster_fields import write_cluster_fields
    from runner.integrations.fiftyone.cluster_values import cluster_values
    from runner.integrations.fiftyone.dataset_source import open_dataset
    from runner.results.files import read_summary

    dataset = fo.Dataset("benchmark")
    _timed("add samples", lambda: dataset.add_samples(fo.Sample(filepath=f"/none/{row:06d}.jpg") for row in range(n)))
    ids = dataset.values("id")
    trials = _results(out, ids, n_fields)
    cluster_values(out, read_summary(out), trials[0])  # compiles what is compiled
    bare_read = _timed("read ids and paths, FiftyOne alone", lambda: dataset.values(["id", "filepath"]))
    read = _timed("read ids and paths as images", lambda: open_dataset("benchmark", SourceWishes()))

    def bare() -> None:
        random = np.random.default_rng(1)
        for number in range(n_fields):
            clusters = random.integers(0, CLUSTERS, n).tolist()
            values = {
                one: fo.Classification(
                    label=f"cluster {cluster:03d}", confidence=0.5, cluster_id=cluster, cluster_size=9, is_medoid=False
                )
                for one, cluster in zip(ids, clusters, strict=True)
            }
            dataset.set_values(f"bare_{number}", values, key_field="id")

    bare_write = _timed(f"{n_fields} bare set_values of the same values", bare)
    before = psutil.Process().memory_info().rss
    peak = [before]

    def watch(done: int, total: int) -> None:
        peak[0] = max(peak[0], psutil.Process().memory_info().rss)

    write = _timed(
        f"{n_fields} cluster fields with views", lambda: write_cluster_fields(dataset, out, trials, progress=watch)
    )
    again = _timed("the same call again", lambda: write_cluster_fields(dataset, out, trials))
    ratio = (read + write) / (bare_read + bare_write)
    print(f"reading and writing: {ratio:.2f} times FiftyOne alone (goal 1.2); writing {write / bare_write:.2f} times")
    print(f"called again: {again / write:.3f} of the first call; memory while writing: +{(peak[0] - before) >> 20} MiB")
    for name in dataset.list_saved_views()[:5]:
        view = dataset.load_saved_view(name)
        _timed(f"first page of the view {name.rpartition(': ')[2]!r}", lambda view=view: view.limit(20).values("id"))  # type: ignore[misc]


def _results(out: Path, ids: list[str], n_fields: int) -> list[str]:
    """A results folder with ``n_fields`` clusterings of random vectors; the ids of its trials."""
    random = np.random.default_rng(0)
    vectors = random.normal(size=(len(ids), DIMENSION)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    labels = {}
    records = []
    for number in range(n_fields):
        trial = Trial(KEY, ClusteringConfig("kmeans", params={"n_clusters": CLUSTERS, "number": number}))
        drawn = random.integers(0, CLUSTERS, len(ids))
        labels[trial.id] = np.unique(drawn, return_inverse=True)[1].astype(np.int32)
        records.append(trial_record(trial, scores=scores_of(labels[trial.id], 0.5)))
    summary = Summary(
        experiment=ExperimentRecord(name="benchmark", fingerprint="f00d", seed=0, version="0"),
        images=ImagesRecord(root=None, found=len(ids), embedded=len(ids), cached=0, skipped=[]),
        embeddings=[embedding_record(KEY, DIMENSION)],
        trials=records,
        ranking=list(labels),
    )
    write_results(out, summary, ImageSet(tuple(ids), ()), lambda trial_id: labels[trial_id], "")
    (out / WORK).mkdir()
    np.save(out / WORK / f"{KEY}-{'0' * 16}.npy", vectors)
    return list(labels)


def _timed(what: str, work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    seconds = time.perf_counter() - started
    print(f"{seconds:8.2f} s  {what}", flush=True)
    return seconds


if __name__ == "__main__":
    os.chdir(Path(__file__).parents[2])
    main()
