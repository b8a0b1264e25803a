"""Clusterings as fields: what is written, what is left alone, and what a killed writer leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import runner.integrations.fiftyone.cluster_fields as writing
from runner.errors import RunnerError, UsageError
from runner.integrations.fiftyone.cluster_fields import write_cluster_fields
from runner.integrations.fiftyone.cluster_names import name_field_clusters
from runner.integrations.fiftyone.cluster_values import cluster_values, embedding_vectors
from runner.integrations.fiftyone.cluster_views import disagreement_view
from runner.integrations.fiftyone.field_record import cluster_fields
from runner.results.files import read_labels, read_paths, read_summary
from runner.results.paths import CONFIG, LABELS, SUMMARY, WORK

if TYPE_CHECKING:
    from fiftyone import Dataset

Study = tuple["Dataset", Path]


@pytest.fixture
def fresh(study: Study) -> Study:
    """The study with nothing written yet."""
    dataset, _ = study
    dataset.reload()
    dataset.delete_saved_views()
    dataset.delete_runs()
    dataset.delete_sample_fields([name for name in dataset.get_field_schema() if name.startswith(("clusters", "mine"))])
    return study


def trials(out: Path, algorithm: str) -> list[str]:
    return [record.id for record in read_summary(out).trials if record.algorithm == algorithm]


def test_values_are_those_of_the_results(fresh: Study) -> None:
    dataset, out = fresh
    trial = trials(out, "hdbscan")[0]
    reported: list[tuple[int, int]] = []
    (written,) = write_cluster_fields(
        dataset, out, [trial], progress=lambda done, total: reported.append((done, total))
    )
    labels = dict(zip(read_paths(out), read_labels(out, trial).tolist(), strict=True))
    assert (written.n_samples, written.n_deleted, written.kept, written.note) == (24, 0, False, "")
    assert reported[-1] == (24, 24)
    for sample in dataset:
        value, cluster = sample[written.field], labels[sample.id]
        assert value.label == ("noise" if cluster == -1 else f"cluster {cluster:03d}")
        assert value.cluster_id == cluster
        assert value.cluster_size == list(labels.values()).count(cluster)
        assert value.confidence is None if cluster == -1 else 0 <= value.confidence <= 1
    schema = dataset.get_field_schema(flat=True)
    assert {f"{written.field}.{name}" for name in ("cluster_id", "cluster_size", "is_medoid")} <= set(schema)
    assert cluster_fields(dataset)[written.field].complete
    assert "clusters" in dataset.get_field(written.field).description


def test_confidence_is_the_silhouette_and_medoids_are_central(fresh: Study) -> None:
    from sklearn.metrics import silhouette_samples

    _, out = fresh
    trial = trials(out, "kmeans")[1]
    summary = read_summary(out)
    values = cluster_values(out, summary, trial)
    vectors = np.array(embedding_vectors(out, summary.embeddings[0].key, 24))
    expected = (silhouette_samples(vectors, values.labels, metric="cosine") + 1) / 2
    assert values.confidence == pytest.approx(expected, abs=1e-5)
    for cluster in range(values.n_clusters):
        rows = np.flatnonzero(values.labels == cluster)
        mean = vectors[rows].mean(axis=0)
        assert values.medoids[rows[np.argmax(vectors[rows] @ mean)]]
    assert values.medoids.sum() == values.n_clusters


def test_views(fresh: Study) -> None:
    dataset, out = fresh
    trial = trials(out, "kmeans")[2]
    (written,) = write_cluster_fields(dataset, out, [trial])
    assert written.views[0] == "kmeans (n_clusters=5, init=k-means++): largest first"
    views = {name.split(": ")[1]: dataset.load_saved_view(name) for name in written.views}
    assert set(views) == {"largest first", "clusters", "borderline", "medoids"}, "k-means leaves no noise"
    sizes = views["largest first"].values(f"{written.field}.cluster_size")
    assert sizes == sorted(sizes, reverse=True) and len(sizes) == 24
    from fiftyone import ViewField as F

    grouped = dataset.group_by(f"{written.field}.label", flat=True, sort_expr=F().length(), reverse=True)
    assert sizes == grouped.values(f"{written.field}.cluster_size"), "as FiftyOne groups them"
    confidence = views["borderline"].values(f"{written.field}.confidence")
    assert confidence == sorted(confidence) and len(confidence) == 24
    assert sorted(views["medoids"].values(f"{written.field}.cluster_id")) == list(range(5))
    assert len(views["clusters"]) == 5


def test_two_clusterings_compared(fresh: Study) -> None:
    dataset, out = fresh
    first, second = (one.field for one in write_cluster_fields(dataset, out, trials(out, "kmeans")[1:]))
    a, b = (dataset.values(f"{field}.cluster_id") for field in (first, second))
    match = {cluster: np.bincount(np.array(b)[np.array(a) == cluster]).argmax() for cluster in set(a)}
    expected = {one for one, x, y in zip(dataset.values("id"), a, b, strict=True) if y != match[x]}
    assert expected and set(disagreement_view(dataset, first, second).values("id")) == expected
    assert len(disagreement_view(dataset, first, first)) == 0
    with pytest.raises(UsageError, match="'kind' is no cluster field"):
        disagreement_view(dataset, "kind", first)


def test_called_again_nothing_is_written_again(fresh: Study) -> None:
    dataset, out = fresh
    chosen = trials(out, "kmeans")
    first = write_cluster_fields(dataset, out, chosen)
    before = dataset.values(f"{first[0].field}.id")
    again = write_cluster_fields(dataset, out, chosen)
    assert [one.kept for one in again] == [True] * 3
    assert [one.field for one in again] == [one.field for one in first]
    assert dataset.values(f"{first[0].field}.id") == before
    rewritten = write_cluster_fields(dataset, out, chosen[:1], rewrite=True)
    assert (rewritten[0].field, rewritten[0].kept) == (first[0].field, False)
    assert dataset.values(f"{first[0].field}.id") != before
    assert len(dataset.list_saved_views()) == 12
    (with_noise,) = write_cluster_fields(dataset, out, trials(out, "hdbscan")[1:])
    in_noise = dataset.count_values(f"{with_noise.field}.label").get("noise", 0)
    noise = [name for name in with_noise.views if name.endswith(": noise")]
    assert sum(len(dataset.load_saved_view(name)) for name in noise) == in_noise


def test_the_users_own_stays(fresh: Study) -> None:
    dataset, out = fresh
    trial = trials(out, "kmeans")[0]
    (written,) = write_cluster_fields(dataset, out, [trial], prefix="mine")
    mine = written.field
    dataset.delete_sample_field(mine)
    dataset.set_values(mine, ["precious"] * 24)
    (second,) = write_cluster_fields(dataset, out, [trial], prefix="mine")
    assert second.field == f"{mine}_2" and mine in second.note
    assert dataset.distinct(mine) == ["precious"]
    assert write_cluster_fields(dataset, out, [trial], prefix="mine")[0].field == second.field
    view = dataset.limit(3)
    dataset.delete_saved_view(second.views[0])
    dataset.save_view(second.views[0], view, description="my own")
    third = write_cluster_fields(dataset, out, [trial], prefix="mine_too")[0]
    assert dataset.load_saved_view(second.views[0]) == view and not third.note
    assert not set(third.views) & set(second.views), "the same kinds of views, but of another field"
    assert all(third.field in str(dataset.load_saved_view(name)) for name in third.views)


def test_samples_come_and_go(fresh: Study) -> None:
    dataset, out = fresh
    import fiftyone as fo

    clone = dataset.clone(persistent=True)
    ids = clone.values("id")
    clone.delete_samples(ids[:2])
    new = clone.add_sample(fo.Sample(filepath=dataset.first().filepath))
    (written,) = write_cluster_fields(clone, out, trials(out, "kmeans")[:1])
    assert (written.n_samples, written.n_deleted) == (22, 2)
    assert clone[new][written.field] is None
    assert clone.count(written.field) == 22 == len(clone.load_saved_view(written.views[0]))
    fo.delete_dataset(clone.name)
    with pytest.raises(RunnerError, match="deleted"):
        write_cluster_fields(clone, out, trials(out, "kmeans")[:1])


def test_results_that_do_not_fit(fresh: Study, dataset: Dataset, tmp_path: Path) -> None:
    _, out = fresh
    import shutil

    with pytest.raises(RunnerError, match=f"none of the 24 images in .* is a sample of the dataset {dataset.name!r}"):
        write_cluster_fields(dataset, out, trials(out, "kmeans"))
    with pytest.raises(UsageError, match="has no trial 'kmeans-0'"):
        write_cluster_fields(fresh[0], out, ["kmeans-0"])
    with pytest.raises(UsageError, match="prefix 'a__b'"):
        write_cluster_fields(fresh[0], out, trials(out, "kmeans"), prefix="a__b")
    for name in (SUMMARY, LABELS, CONFIG):
        shutil.copy(out / name, tmp_path / name)
    with pytest.raises(RunnerError, match=r"no longer in .*runner experiment --config"):
        write_cluster_fields(fresh[0], tmp_path, trials(out, "kmeans"))
    assert cluster_fields(dataset) == cluster_fields(fresh[0]) == {}
    assert not (tmp_path / WORK).exists()


@pytest.mark.check
def test_results_of_a_folder_find_their_samples(
    dataset: Dataset, shapes: Path, tmp_path: Path, cache_dir: Path
) -> None:
    import runner

    config = runner.ExperimentConfig(
        images=shapes,
        models=("efficientnet_lite0",),
        resolutions=(64,),
        sweep={"kmeans": [{"n_clusters": 3}]},
        algorithms=("kmeans",),
        out=tmp_path / "results",
        cache_dir=cache_dir,
        top=0,
    )
    summary = runner.run_experiment(config)
    (written,) = write_cluster_fields(dataset, tmp_path / "results", summary.ranking[:1])
    by_file = dict(zip(read_paths(config.out), read_labels(config.out, summary.ranking[0]).tolist(), strict=True))
    for sample in dataset:
        assert sample[written.field].cluster_id == by_file[str(Path(sample.filepath).relative_to(shapes))]


def test_names_of_people_stay(fresh: Study) -> None:
    dataset, out = fresh
    trial = trials(out, "kmeans")[1]
    (written,) = write_cluster_fields(dataset, out, [trial], names={trial: {0: "plum", 1: "lawn"}})
    field = written.field
    counts = dataset.count_values(f"{field}.label")
    assert set(counts) == {"plum", "lawn", "cluster 002"}
    edited = dataset.match({f"{field}.cluster_id": 1}).first()
    edited[field].label = "my own word"
    edited.save()
    assert name_field_clusters(dataset, field, {0: "my  plum"}, by_person=True) == {0: "my plum"}
    machine = name_field_clusters(dataset, field, {0: "cherry", 1: "my plum", 2: "sky"})
    assert machine == {1: "my plum 2", 2: "sky"}, "a machine's names are all different, and a person's stays"
    assert set(dataset.count_values(f"{field}.label")) == {"my plum", "my plum 2", "sky", "my own word"}
    assert dataset.count_values(f"{field}.label")["my plum"] == counts["plum"]
    write_cluster_fields(dataset, out, [trial], names={trial: {0: "cherry"}}, rewrite=True)
    assert set(dataset.count_values(f"{field}.label")) == {"my plum", "my plum 2", "sky"}
    name_field_clusters(dataset, field, {1: "sky"}, by_person=True)
    assert set(dataset.count_values(f"{field}.label")) == {"my plum", "sky"}, "people may name two clusters alike"
    for names, words in (({9: "x"}, "no cluster 9"), ({0: " "}, "empty")):
        with pytest.raises(UsageError, match=words):
            name_field_clusters(dataset, field, names, by_person=True)


def test_naming_that_was_interrupted_goes_on(fresh: Study) -> None:
    dataset, out = fresh
    trial = trials(out, "kmeans")[1]
    (written,) = write_cluster_fields(dataset, out, [trial], names={trial: {0: "plum"}})
    field = written.field
    before = dataset.values(["id", f"{field}.label"])
    name_field_clusters(dataset, field, {0: "cherry", 1: "grass"})
    undone = dict(list(zip(*before, strict=True))[::2])
    dataset.set_values(f"{field}.label", undone, key_field="id")  # as if it had been killed half-way
    name_field_clusters(dataset, field, {0: "berry"})
    assert set(dataset.count_values(f"{field}.label")) == {"berry", "grass", "cluster 002"}


class StopError(Exception):
    """Raised by a caller who has had enough."""


def test_stopped_by_the_caller(fresh: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, out = fresh
    trial = trials(out, "kmeans")[0]
    monkeypatch.setattr(writing, "SAMPLES_AT_A_TIME", 5)

    def progress(done: int, total: int) -> None:
        if done >= 10:
            raise StopError

    with pytest.raises(StopError):
        write_cluster_fields(dataset, out, [trial], progress=progress)
    ((field, record),) = cluster_fields(dataset).items()
    assert not record.complete and dataset.count(field) == 10
    assert write_cluster_fields(dataset, out, [trial])[0].field == field and dataset.count(field) == 24


@pytest.mark.check
def test_dataset_deleted_in_mid_write(fresh: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, out = fresh
    clone = dataset.clone(persistent=True)
    monkeypatch.setattr(writing, "SAMPLES_AT_A_TIME", 5)
    delete = f"import fiftyone as fo; fo.delete_dataset({clone.name!r})"

    def progress(done: int, total: int) -> None:
        if done == 10:
            subprocess.run([sys.executable, "-c", delete], check=True)

    with pytest.raises(RunnerError, match="has been deleted meanwhile"):
        write_cluster_fields(clone, out, trials(out, "kmeans")[:1], progress=progress)


WRITER = """
import sys, time
from pathlib import Path
import runner.integrations.fiftyone.cluster_fields as writing
from runner.integrations.fiftyone.connection import load_dataset
writing.SAMPLES_AT_A_TIME = 4
out, trial = Path(sys.argv[1]), sys.argv[2]
def progress(done, total):
    print(done, flush=True)
    time.sleep(0.5)
writing.write_cluster_fields(load_dataset("study"), out, [trial], progress=progress)
"""


@pytest.mark.check
def test_killed_in_mid_write(fresh: Study) -> None:
    dataset, out = fresh
    trial = trials(out, "kmeans")[0]
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(out), trial],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    assert writer.stdout is not None
    assert next(iter(writer.stdout)).strip() == "4"
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait()
    time.sleep(0.1)
    dataset.reload()
    ((field, record),) = cluster_fields(dataset).items()
    assert 0 < dataset.count(field) < 24, "it was killed half-way"
    assert not record.complete
    assert "INCOMPLETE" in dataset.get_field(field).description
    assert dataset.list_saved_views() == []
    (written,) = write_cluster_fields(dataset, out, [trial])
    assert (written.field, written.kept) == (field, False)
    assert dataset.count(field) == 24
    assert cluster_fields(dataset)[field].complete and len(dataset.list_saved_views()) == 4
