"""Files of our own that a disk may have damaged: none is believed, and none stops what can be made anew."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin.running.time_estimate import FILE, known_paces
from runner.cluster.geometry_files import DISTANCES, IMAGE_PATHS, INDICES, MARKER, TREE, VECTORS, discard_damaged
from runner.embed.cache.embedding_cache import EmbeddingCache
from runner.embed.cache.matrix_files import is_written
from runner.engine.journal import Journal
from runner.results.archive import fingerprint_of
from runner.results.ownership import OwnFiles
from runner.results.paths import STATE, SUMMARY
from runner.results.state import changed_outputs, read_state
from tests.fuzz.property import as_json, files, value_or_sentence, values
from tests.fuzz.test_binary_files import _npy

ANY = values.map(as_json) | st.sampled_from([b"[" * 5_000, b'{"experiment": {"fingerprint": "x"}}', b"9" * 5_000])
OWN = OwnFiles("search", "groups.json", ())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@given(state=ANY | files(b'{"fingerprint": "x", "files": {"a": 1}, "checksums": {"a": "b"}}'), summary=ANY)
def test_states_of_results(state: bytes, summary: bytes, folder: Path) -> None:
    for name, content in ((STATE, state), (SUMMARY, summary), (OWN.document, summary)):
        (folder / name).write_bytes(content)
    read_state(folder)
    value_or_sentence(lambda: changed_outputs(folder), "")
    value_or_sentence(lambda: fingerprint_of(folder), str(folder))
    assert isinstance(OWN.are_in(folder), bool)


@given(
    content=files(_npy(), b"PK\x03\x04") | ANY,
    name=st.sampled_from([VECTORS, INDICES, DISTANCES, TREE, MARKER, IMAGE_PATHS]),
)
def test_geometries(content: bytes, name: str, folder: Path) -> None:
    (folder / "geometry").mkdir(exist_ok=True)
    (folder / "geometry" / name).write_bytes(content)
    value_or_sentence(lambda: discard_damaged(folder / "geometry"), "")


@given(content=files(_npy()))
def test_matrices(content: bytes, folder: Path) -> None:
    (folder / "matrix.npy").write_bytes(content)
    assert isinstance(value_or_sentence(lambda: is_written(folder / "matrix.npy", 3), ""), bool)


@given(content=files(_npy(), b"PK\x03\x04"))
def test_journals(content: bytes, folder: Path) -> None:
    (folder / "trial.npz").write_bytes(content)
    assert value_or_sentence(lambda: Journal(folder).read("trial"), "") is None


@given(content=ANY | files(b'{"name": "x"}'))
def test_descriptions_in_the_cache(content: bytes, folder: Path) -> None:
    key = folder / "cache" / "embeddings" / "key"
    key.mkdir(parents=True, exist_ok=True)
    (key / "config.json").write_bytes(content)
    value_or_sentence(EmbeddingCache(folder / "cache").ls, "")


@given(content=ANY | files(b'{"passes": [], "embedding_seconds": 1}\n'))
def test_paces(content: bytes, folder: Path) -> None:
    (folder / FILE).parent.mkdir(exist_ok=True)
    (folder / FILE).write_bytes(content)
    assert isinstance(known_paces(folder), list)


def test_nothing_nested_too_deep_is_a_traceback(tmp_path: Path) -> None:
    deep = b"[" * 5_000
    (tmp_path / SUMMARY).write_bytes(deep)
    assert fingerprint_of(tmp_path) is None
    key = tmp_path / "embeddings" / "key"
    key.mkdir(parents=True)
    (key / "config.json").write_bytes(deep)
    assert [(one.key, one.description) for one in EmbeddingCache(tmp_path).ls()] == [("key", {})]
