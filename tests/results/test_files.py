"""The contract of summary.json, labels.parquet, trials.csv and config.yaml."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from runner.cluster.trial import ClusteringConfig, Trial
from runner.errors import RunnerError
from runner.images.image_set import ImageSet, SkippedImage
from runner.report.inputs import Results
from runner.results import files as result_files
from runner.results.files import (
    done_trials,
    read_labels,
    read_paths,
    read_summary,
    summary_json,
    trials_csv,
    write_labels,
    write_results,
)
from tests.report.experiments import image_names, make_results, scores_of, trial_record

ODD_NAMES = ('a "quoted", name.png', "<b>bold</b>.png", "line\nbreak.png", "日本/🦆.png", "it's;|&$x$.png", "\ttab.png")


def _write(out: Path, results: Results) -> None:
    write_results(out, results.summary, results.images, results.labels, results.config_yaml)


def _strict(path: Path) -> dict:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(path.read_text("utf-8"), parse_constant=refuse)


def test_summary_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    results = make_results(None, image_names(20))
    _write(tmp_path, results)
    assert read_summary(tmp_path) == results.summary
    assert set(_strict(tmp_path / "summary.json")) >= {"experiment", "images", "embeddings", "trials", "ranking"}


def test_a_summary_of_the_first_format(tmp_path: Path) -> None:
    results = make_results(None, image_names(10), failed=2)
    old = json.loads(summary_json(results.summary))
    del old["format"]
    for trial in old["trials"]:
        del trial["failure"], trial["attempts"]
    (tmp_path / "summary.json").write_text(json.dumps(old))
    read = read_summary(tmp_path)
    assert read.format == 1
    assert {(trial.status.value, trial.failure) for trial in read.trials} == {
        ("done", None),
        ("failed", "process"),
        ("timed_out", "time"),
    }
    (tmp_path / "summary.json").write_text(json.dumps(old | {"format": 3}))
    with pytest.raises(RunnerError, match=r"damaged or of another version \(format"):
        read_summary(tmp_path)


def test_summary_has_no_value_that_strict_parsers_refuse(tmp_path: Path) -> None:
    results = make_results(None, image_names(10), failed=0)
    first = results.summary.trials[0]
    assert first.scores is not None
    odd = first.model_copy(
        update={
            "scores": replace(first.scores, silhouette=math.nan, davies_bouldin=math.inf, ami=np.float32(0.5)),
            "params": {"max_eps": math.inf, "n_clusters": np.int64(3), "balanced": np.True_},
            "details": {"inertia": math.nan},
        }
    )
    summary = results.summary.model_copy(update={"trials": [odd, *results.summary.trials[1:]]})
    (tmp_path / "summary.json").write_text(summary_json(summary), "utf-8")
    written = _strict(tmp_path / "summary.json")["trials"][0]
    assert written["scores"]["silhouette"] is None
    assert written["scores"]["davies_bouldin"] is None
    assert written["scores"]["ami"] == 0.5
    assert written["params"] == {"max_eps": "inf", "n_clusters": 3, "balanced": True}
    assert read_summary(tmp_path).trials[0].details == {"inertia": "nan"}


def test_undefined_value_where_there_must_be_one_is_refused() -> None:
    results = make_results(None, image_names(10), failed=0)
    first = results.summary.trials[0]
    assert first.scores is not None
    odd = first.model_copy(update={"scores": replace(first.scores, balance=math.nan)})
    with pytest.raises(RunnerError, match=r"trials\.0\.scores\.balance"):
        summary_json(results.summary.model_copy(update={"trials": [odd]}))


def test_labels_have_path_first_then_an_int_column_per_done_trial(tmp_path: Path) -> None:
    results = make_results(None, image_names(30), failed=2)
    _write(tmp_path, results)
    table = pq.read_table(tmp_path / "labels.parquet")
    done = done_trials(results.summary)
    assert len(done) == 4
    assert table.column_names == ["path", *done]
    assert [str(field.type) for field in table.schema] == ["string", *["int32"] * len(done)]
    frame = pd.read_parquet(tmp_path / "labels.parquet")
    assert frame["path"].tolist() == list(results.images.ids)
    for trial_id in done:
        assert np.array_equal(frame[trial_id], results.labels(trial_id))
        assert frame[trial_id].min() == -1


@settings(max_examples=12, deadline=None)
@given(labels=arrays(np.int32, st.integers(0, 40), elements=st.integers(-1, 2**31 - 1)), group=st.integers(4, 400))
def test_labels_survive_whatever_the_row_groups(
    labels: np.ndarray, group: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    out = tmp_path_factory.mktemp("labels")
    trial = Trial("e-0", ClusteringConfig("kmeans"))
    results = make_results(None, [])
    summary = results.summary.model_copy(update={"trials": [trial_record(trial, scores=scores_of(labels, 1.0))]})
    images = ImageSet(tuple(map(str, range(len(labels)))), ())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(result_files, "ROW_GROUP_BYTES", group)
        write_labels(out / "labels.parquet", summary, images, lambda _: labels)
    assert pq.ParquetFile(out / "labels.parquet").num_row_groups >= len(labels) * 4 // max(4, group)
    assert np.array_equal(read_labels(out, trial.id), labels)
    assert read_labels(out, trial.id).dtype == np.int32


@pytest.mark.parametrize(
    "wrong",
    [np.zeros(9, np.int32), np.zeros((10, 1), np.int32), np.zeros(10), np.full(10, -2), np.zeros(10, bool)],
    ids=["too few", "two dimensions", "floats", "below noise", "booleans"],
)
def test_labels_that_are_none_are_refused_by_name(wrong: np.ndarray, tmp_path: Path) -> None:
    results = make_results(None, image_names(10))
    with pytest.raises(RunnerError, match=results.summary.trials[0].id):
        write_labels(tmp_path / "labels.parquet", results.summary, results.images, lambda _: wrong)
    assert list(tmp_path.iterdir()) == []


def test_failure_leaves_the_former_file_and_no_litter(tmp_path: Path) -> None:
    results = make_results(None, image_names(10))
    _write(tmp_path, results)
    before = (tmp_path / "labels.parquet").read_bytes()
    calls = iter([results.labels(results.summary.trials[0].id)])
    with pytest.raises(StopIteration):
        write_labels(tmp_path / "labels.parquet", results.summary, results.images, lambda _: next(calls))
    assert (tmp_path / "labels.parquet").read_bytes() == before
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_csv_has_a_flat_row_per_trial_best_first(tmp_path: Path) -> None:
    results = make_results(None, image_names(20), failed=1)
    _write(tmp_path, results)
    with (tmp_path / "trials.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(results.summary.trials)
    assert [row["id"] for row in rows[:4]] == results.summary.ranking
    assert [row["rank"] for row in rows] == ["1", "2", "3", "4", "", ""]
    best = results.summary.trial(results.summary.ranking[0])
    assert best.scores is not None
    assert float(rows[0]["ranking_score"]) == best.scores.ranking_score
    assert rows[0]["param_n_clusters"] == "5"
    assert rows[0]["fit"] == "center_crop"
    failed = rows[-1]
    assert (failed["status"], failed["silhouette"], failed["param_tolerance"]) == ("failed", "", "")
    assert (failed["failure"], failed["attempts"], rows[0]["failure"]) == ("process", "1", "")
    assert failed["error"].endswith("see\nline 2")


def test_same_input_gives_same_bytes(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        _write(tmp_path / folder, make_results(None, image_names(20)))
    for name in ("summary.json", "labels.parquet", "trials.csv", "config.yaml"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_odd_names_survive(tmp_path: Path) -> None:
    results = make_results(None, ODD_NAMES)
    skipped = [SkippedImage(name, f"cannot read {name}") for name in ODD_NAMES]
    images = results.summary.images.model_copy(update={"skipped": skipped})
    _write(tmp_path, replace(results, summary=results.summary.model_copy(update={"images": images})))
    assert read_paths(tmp_path) == ODD_NAMES
    assert read_summary(tmp_path).images.skipped == skipped


def test_names_that_are_no_utf8_are_written_legibly(tmp_path: Path) -> None:
    name = b"caf\xe9.png".decode("utf-8", "surrogateescape")
    results = make_results(None, [name, "b.png"])
    _write(tmp_path, results)
    assert read_paths(tmp_path) == ("caf\\xe9.png", "b.png")


def test_nothing_to_write_is_written_all_the_same(tmp_path: Path) -> None:
    _write(tmp_path, make_results(None, image_names(3), clusters=(), failed=0))
    assert pq.read_table(tmp_path / "labels.parquet").column_names == ["path"]
    assert trials_csv(read_summary(tmp_path)).startswith("rank,id,embedding,")


def test_reading_what_is_not_there_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(RunnerError, match=r"not a results folder: it has no summary\.json"):
        read_summary(tmp_path / "nowhere")
    with pytest.raises(RunnerError, match=r"no labels\.parquet"):
        read_labels(tmp_path, "kmeans-0")
    _write(tmp_path, make_results(None, image_names(3)))
    with pytest.raises(RunnerError, match="no labels of a trial 'kmeans-0'"):
        read_labels(tmp_path, "kmeans-0")


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"experiment": {}}', b"\xff\xfe"])
def test_damaged_files_are_named(damage: bytes, tmp_path: Path) -> None:
    for name in ("summary.json", "labels.parquet"):
        (tmp_path / name).write_bytes(damage)
    with pytest.raises(RunnerError, match=r"summary\.json is damaged"):
        read_summary(tmp_path)
    with pytest.raises(RunnerError, match=r"labels\.parquet is damaged"):
        read_paths(tmp_path)


def test_numbers_too_large_for_a_label_are_not_wrapped_around(tmp_path: Path) -> None:
    table = pd.DataFrame({"path": ["a.jpg", "b.jpg"], "t": [0, 2**32]})
    table.to_parquet(tmp_path / "labels.parquet")
    with pytest.raises(RunnerError, match=r"labels\.parquet is damaged: t holds numbers of more than 32 bits"):
        read_labels(tmp_path, "t")


def test_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RunnerError, match=r"labels\.parquet could not be written"):
        _write(tmp_path / "file" / "out", make_results(None, image_names(3)))
