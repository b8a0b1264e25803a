"""Result files, which may come from anyone: the summary, the labels, the manifest of an export."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import RunnerError
from runner.export.config import How
from runner.export.manifest import MANIFEST, Document, Manifest, PlacedImage, read_manifest, write_manifest
from runner.results.files import read_labels, read_paths, read_summary
from runner.results.map_file import map_path, read_map
from runner.results.paths import LABELS, SUMMARY
from tests.fuzz.property import as_json, damaged, files, objects, value_or_sentence, values

EXPERIMENT = {"name": "x", "fingerprint": "y", "seed": 1, "version": "0.1.0"}
IMAGES = {"root": "/p", "found": 2, "embedded": 2, "cached": 0, "skipped": []}
TRIAL = {"id": "t", "embedding": "e", "algorithm": "kmeans", "space": "none", "params": {}, "status": "failed"}
SUMMARIES = objects(
    experiment=st.just(EXPERIMENT),
    images=st.just(IMAGES),
    embeddings=st.just([]),
    trials=st.lists(st.just({**TRIAL, "seconds": 1.0, "finished_at": 3}), max_size=2),
    ranking=st.lists(st.sampled_from(["t", "u"]), max_size=2),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("fuzz")
    write_manifest(
        where,
        Manifest(
            How.COPY,
            "f",
            "t",
            ("a", "a/b"),
            (PlacedImage("/p/1.jpg", "a/1.jpg", 3, 4, 0o644),),
            (Document("x", 1, "d"),),
        ),
    )
    (where / "whole.jsonl").write_bytes((where / MANIFEST).read_bytes())
    table = pa.table({"path": ["a.jpg", "b.jpg"], "t": pa.array([0, -1], pa.int32())})
    pq.write_table(table, where / "whole.parquet", compression="zstd")
    places = pa.table({"path": ["a.jpg", "b.jpg"], "x": pa.array([0.5, 1], pa.float32()), "y": [0.25, 2.0]})
    pq.write_table(places, where / "whole_map.parquet", compression="zstd")
    map_path(where, "key", "parquet").parent.mkdir()
    return where


@given(content=SUMMARIES.map(as_json) | files(b'{"experiment": {}}'))
def test_summaries(content: bytes, folder: Path) -> None:
    (folder / SUMMARY).write_bytes(content)
    summary = value_or_sentence(lambda: read_summary(folder), str(folder))
    if summary is not None:
        for trial_id in summary.ranking:
            summary.trial(trial_id)


@given(data=st.data())
def test_labels(data: st.DataObject, folder: Path) -> None:
    (folder / LABELS).write_bytes(data.draw(damaged((folder / "whole.parquet").read_bytes())))
    value_or_sentence(lambda: read_paths(folder), str(folder))
    value_or_sentence(lambda: read_labels(folder, "t"), str(folder))


@given(data=st.data())
def test_maps(data: st.DataObject, folder: Path) -> None:
    map_path(folder, "key", "parquet").write_bytes(data.draw(damaged((folder / "whole_map.parquet").read_bytes())))
    found = value_or_sentence(lambda: read_map(folder, "key"), str(folder))
    assert found is None or found[1].shape == (len(found[0]), 2)


@given(data=st.data())
def test_maps_of_any_columns(data: st.DataObject, folder: Path) -> None:
    columns = st.lists(values, min_size=2, max_size=2) | st.lists(st.floats() | st.none(), min_size=2, max_size=2)
    table = data.draw(st.fixed_dictionaries({}, optional=dict.fromkeys(("path", "x", "y"), columns)))
    try:
        pq.write_table(pa.table(table), map_path(folder, "key", "parquet"))
    except (pa.ArrowException, ValueError, TypeError, OverflowError, UnicodeError):
        return  # no column can hold these values
    value_or_sentence(lambda: read_map(folder, "key"), str(folder))


@given(data=st.data())
def test_manifests(data: st.DataObject, folder: Path) -> None:
    whole = (folder / "whole.jsonl").read_bytes()
    (folder / MANIFEST).write_bytes(data.draw(damaged(whole)))
    value_or_sentence(lambda: read_manifest(folder), str(folder))


@given(records=st.lists(objects(image=values, document=values, folder=st.text(max_size=5)) | values, max_size=3))
def test_manifests_of_any_values(records: list[object], folder: Path) -> None:
    header = {
        "kind": "imagesweep export",
        "version": 1,
        "lines": len(records),
        "how": "copy",
        "experiment": "",
        "trial": "",
    }
    (folder / MANIFEST).write_bytes(b"\n".join(map(as_json, [header, *records])))
    value_or_sentence(lambda: read_manifest(folder), str(folder))


def test_a_ranking_of_unknown_trials_is_told(tmp_path: Path) -> None:
    summary = {"experiment": EXPERIMENT, "images": IMAGES, "embeddings": [], "trials": [], "ranking": ["gone"]}
    (tmp_path / SUMMARY).write_text(json.dumps(summary))
    with pytest.raises(RunnerError, match="it ranks gone, which is none of its trials"):
        read_summary(tmp_path)
