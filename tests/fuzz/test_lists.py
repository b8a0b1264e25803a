"""Files with names of images and of clusters: pairs, lists, ready-made paths, samples, vocabularies, names."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.experiment.open_source import read_sample_ids
from runner.export.export import _read_names
from runner.images.constraints import pair_ids, read_pairs
from runner.images.folders import scan_list
from runner.images.image_list import COLUMNS
from runner.images.image_set import ImageSet
from runner.images.precomputed import _read_paths
from runner.naming.vocabulary import read_vocabulary
from tests.fuzz.property import as_json, files, objects, value_or_sentence, values

IMAGES = ImageSet(ids=("a.jpg", "b.jpg", "c/d e.png"), paths=(Path("/p/a.jpg"), Path("/p/b.jpg"), Path("/p/c/d e.png")))
NAMES = st.sampled_from([*IMAGES.ids, "/p/a.jpg", "c\\d e.png", " a.jpg", "a\0", "~", "~x/..", "", "é.jpg"]) | st.text(
    max_size=8
)

PAIRS_YAML = b"must_link:\n- [a.jpg, b.jpg]\n- &x [a.jpg, c/d e.png]\ncannot-link:\n- [b.jpg, 'c/d e.png']\n- *x\n"
PAIRS_CSV = b'first;Second,kind\tnote\na.jpg;b.jpg;must_link\n"c/d e.png";b.jpg;CL\n# x\n'
GROUPS = st.lists(st.lists(NAMES, max_size=5), max_size=4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("fuzz")
    for name in IMAGES.ids:
        (where / name).parent.mkdir(exist_ok=True)
        (where / name).touch()
    return where


@given(content=files(PAIRS_YAML, PAIRS_CSV), suffix=st.sampled_from([".yaml", ".csv", ".tsv"]))
def test_pairs(content: bytes, suffix: str, folder: Path) -> None:
    path = folder / f"pairs{suffix}"
    path.write_bytes(content)
    found = value_or_sentence(lambda: read_pairs(path, IMAGES), str(path))
    if found is not None:
        assert (found.must_link < len(IMAGES)).all() and (found.cannot_link < len(IMAGES)).all()
        assert len(pair_ids(path, IMAGES)) <= len(IMAGES)


@given(content=objects(must_link=GROUPS, cannot_link=GROUPS).map(as_json))
def test_pairs_of_any_values(content: bytes, folder: Path) -> None:
    path = folder / "pairs.yml"
    path.write_bytes(content)
    value_or_sentence(lambda: read_pairs(path, IMAGES), str(path))


@given(
    content=files(
        b"path;x\na.jpg;1\nb.jpg;2\n", b"a.jpg\n# c\nb.jpg\r\n", b"a.jpg\0b.jpg\0", b'["a.jpg", {"file": "b.jpg"}]'
    ),
    suffix=st.sampled_from(["", ".txt", ".csv", ".json"]),
)
def test_lists_of_images(content: bytes, suffix: str, folder: Path) -> None:
    path = folder / f"list{suffix}"
    path.write_bytes(content)
    found = value_or_sentence(lambda: scan_list(path), str(path))
    if found is not None:
        assert set(found.scan.images.paths) <= {folder / name for name in (*IMAGES.ids, path.name)}


@given(content=(st.lists(NAMES | objects(**dict.fromkeys(COLUMNS, NAMES)), max_size=5) | values).map(as_json))
def test_lists_in_json(content: bytes, folder: Path) -> None:
    path = folder / "list.json"
    path.write_bytes(content)
    value_or_sentence(lambda: scan_list(path), str(path))
    value_or_sentence(lambda: _read_paths(path), str(path))
    value_or_sentence(lambda: read_sample_ids(path), str(path))


@given(content=files(b'["a.jpg", "b.jpg"]'))
def test_paths_and_samples(content: bytes, folder: Path) -> None:
    path = folder / "paths.json"
    path.write_bytes(content)
    value_or_sentence(lambda: _read_paths(path), str(path))
    value_or_sentence(lambda: read_sample_ids(path), str(path))


@given(content=files(b"cat\ndog\n# x\n"))
def test_vocabularies(content: bytes, folder: Path) -> None:
    path = folder / "words.txt"
    path.write_bytes(content)
    found = value_or_sentence(lambda: read_vocabulary(path), str(path))
    assert found is None or len(found) >= 2


@given(content=files(b'{"7": "birds"}') | values.map(as_json))
def test_names_of_clusters(content: bytes, folder: Path) -> None:
    path = folder / "names.json"
    path.write_bytes(content)
    found = value_or_sentence(lambda: _read_names(path), str(path))
    assert found is None or all(isinstance(cluster, int) and isinstance(name, str) for cluster, name in found.items())
