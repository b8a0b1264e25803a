"""Ready-made vectors: which images they belong to, and which are refused."""

from __future__ import annotations

import json
import urllib.parse
from pathlib import Path

import numpy as np
import pytest

from runner.errors import RunnerError, UsageError
from runner.images.precomputed import load_precomputed


def save_vectors(path: Path, n: int = 3, dimension: int = 4, dtype: str = "float32") -> Path:
    np.save(path, np.arange(1, n * dimension + 1).reshape(n, dimension).astype(dtype))
    return path


def save_paths(path: Path, names: object) -> Path:
    path.write_text(json.dumps(names), encoding="utf-8")
    return path


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f4"])
def test_rows_without_paths(tmp_path: Path, dtype: str) -> None:
    loaded = load_precomputed(save_vectors(tmp_path / "v.npy", dtype=dtype))
    assert loaded.images.ids == ("row 0000000", "row 0000001", "row 0000002")
    assert loaded.images.paths == ()
    assert loaded.vectors_path == tmp_path / "v.npy"
    assert loaded.paths_path is None


def test_ids_are_the_strings_of_the_list(tmp_path: Path) -> None:
    names = ["cats/1.jpg", "/elsewhere/2.jpg", "ü 3.jpg"]
    paths = save_paths(tmp_path / "list.json", names)
    loaded = load_precomputed(save_vectors(tmp_path / "v.npy"), paths, labels=True)
    assert loaded.images.ids == tuple(names)
    assert loaded.images.labels == ("cats", "/elsewhere", None)
    assert loaded.images.paths == ()
    assert loaded.missing_files == 3


def test_image_files_are_found_beside_the_list(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for name in ("1.jpg", "2.jpg", "3.jpg"):
        (tmp_path / "images" / name).touch()
    names = ["1.jpg", "./2.jpg", str(tmp_path / "images" / "3.jpg")]
    vectors = save_vectors(tmp_path / "v.npy")
    loaded = load_precomputed(vectors, save_paths(tmp_path / "images" / "list.json", names))
    assert loaded.images.paths == tuple(tmp_path / "images" / name for name in ("1.jpg", "2.jpg", "3.jpg"))
    assert loaded.images.root == tmp_path / "images"
    assert loaded.missing_files == 0


def test_relative_paths_stay_in_their_folder(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "secret.jpg").touch()
    (tmp_path / "inside" / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    names = ["../secret.jpg", "link.jpg", "nul\0.jpg"]
    loaded = load_precomputed(save_vectors(tmp_path / "v.npy"), save_paths(tmp_path / "inside" / "list.json", names))
    assert loaded.images.paths == ()
    assert loaded.missing_files == 2  # a link stands for its file, wherever that is


@pytest.mark.parametrize("name", ["paths.json", "image_paths.json", "v.json"])
def test_a_list_beside_the_vectors_is_taken_and_named(tmp_path: Path, name: str) -> None:
    vectors, paths = save_vectors(tmp_path / "v.npy"), save_paths(tmp_path / name, ["a", "b", "c"])
    loaded = load_precomputed(vectors)
    assert (loaded.images.ids, loaded.paths_path) == (("a", "b", "c"), paths)


def test_a_results_folder(tmp_path: Path) -> None:
    save_paths(tmp_path / "image_paths.json", ["a", "b", "c"])
    np.save(tmp_path / "labels.npy", np.zeros(3, dtype=np.int64))
    with pytest.raises(RunnerError, match="neither"):
        load_precomputed(tmp_path)
    save_vectors(tmp_path / "clip.npy")
    assert load_precomputed(tmp_path).vectors_path == tmp_path / "clip.npy"
    save_vectors(tmp_path / "dino.npy")
    with pytest.raises(RunnerError, match=r"several files of vectors \(clip\.npy, dino\.npy\)"):
        load_precomputed(tmp_path)
    save_vectors(tmp_path / "embeddings.npy")
    loaded = load_precomputed(tmp_path)
    assert loaded.vectors_path == tmp_path / "embeddings.npy"
    assert loaded.images.ids == ("a", "b", "c")


def test_labels_need_paths(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--paths"):
        load_precomputed(save_vectors(tmp_path / "v.npy"), labels=True)


def test_counts_must_agree(tmp_path: Path) -> None:
    with pytest.raises(RunnerError, match=r"names 2 images, but .* holds 3 vectors"):
        load_precomputed(save_vectors(tmp_path / "v.npy"), save_paths(tmp_path / "p.json", ["a", "b"]))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"a": 1}, "must be a JSON list"),
        (["a", 2, "c"], "entry 1 is 2"),
        (["a", "", "c"], "entry 1 is ''"),
        (["a", "b", "a"], "'a' is there twice, at rows 0 and 2"),
        (["a", "b", "\ud800"], "entry 2"),
    ],
)
def test_malformed_lists(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(RunnerError, match=message) as caught:
        load_precomputed(save_vectors(tmp_path / "v.npy"), save_paths(tmp_path / "p.json", content))
    str(caught.value).encode()


@pytest.mark.parametrize("text", [b"", b"[", b'["\xff"]', b"[" * 100_000])
def test_lists_that_are_not_json(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "p.json").write_bytes(text)
    with pytest.raises(RunnerError, match="not valid JSON"):
        load_precomputed(save_vectors(tmp_path / "v.npy"), tmp_path / "p.json")


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((0, 4), np.float32), r"shape \(0, 4\)"),
        (np.zeros((4, 0), np.float32), r"shape \(4, 0\)"),
        (np.ones(4, np.float32), r"shape \(4,\)"),
        (np.ones((2, 2, 2), np.float32), "shape"),
        (np.ones((2, 2), np.int64), "holds int64"),
        (np.ones((2, 2), np.complex64), "holds complex64"),
        (np.array([["a"]]), "vectors must be float"),
        (np.array([[{}]], dtype=object), "not a readable .npy file"),
    ],
)
def test_arrays_that_are_no_vectors(tmp_path: Path, array: np.ndarray, message: str) -> None:
    np.save(tmp_path / "v.npy", array, allow_pickle=True)
    with pytest.raises(RunnerError, match=message):
        load_precomputed(tmp_path / "v.npy")


def test_damaged_files(tmp_path: Path) -> None:
    with pytest.raises(RunnerError, match="do not exist"):
        load_precomputed(tmp_path / "v.npy")
    whole = save_vectors(tmp_path / "v.npy", n=1000).read_bytes()
    for content in (b"", b"text", whole[:40], whole[:1000]):
        (tmp_path / "v.npy").write_bytes(content)
        with pytest.raises(RunnerError, match="not a readable"):
            load_precomputed(tmp_path / "v.npy")
    np.savez(tmp_path / "v.npz", np.ones((2, 2)))
    with pytest.raises(RunnerError, match="npz archive"):
        load_precomputed(tmp_path / "v.npz")


@pytest.mark.parametrize("order", ["C", "F"])
def test_vectors_without_a_direction_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: str) -> None:
    monkeypatch.setattr("runner.images.precomputed._VALUES_PER_BLOCK", 64)
    vectors = np.ones((100, 8), order=order)  # type: ignore[call-overload]
    vectors[[20, 21], 3] = np.nan, np.inf
    vectors[40] = 0
    vectors[99] = 1e300  # finite in float64 only
    np.save(tmp_path / "v.npy", vectors)
    with pytest.raises(RunnerError, match=r"4 of 100 vectors .*\(3 .*1 of length zero.*rows 20, 21, 40, 99;"):
        load_precomputed(tmp_path / "v.npy")
    vectors[:30] = np.nan
    np.save(tmp_path / "v.npy", vectors)
    with pytest.raises(RunnerError, match=r"32 of 100 .*rows 0, 1, 2, 3, 4 …"):
        load_precomputed(tmp_path / "v.npy")


def test_ids_that_no_file_can_have_are_images_without_a_file(tmp_path: Path) -> None:
    vectors = save_vectors(tmp_path / "v.npy")
    address = urllib.parse.quote("https://cdn.example.com/1.jpg?signed=" + "a" * 260, safe="")
    loaded = load_precomputed(vectors, save_paths(tmp_path / "list.json", [address, "d/" * 3000 + "2.jpg", "~x/3.jpg"]))
    assert loaded.images.ids[0] == address
    assert loaded.missing_files == 3


def test_a_list_may_be_a_link_to_where_a_store_keeps_it(tmp_path: Path) -> None:
    names = ["a.jpg", "b.jpg", "c.jpg"]
    for name in names:
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "store").mkdir()
    (tmp_path / "list.json").symlink_to(save_paths(tmp_path / "store" / "8f14e45f", names))
    loaded = load_precomputed(save_vectors(tmp_path / "v.npy"), tmp_path / "list.json")
    assert loaded.missing_files == 0
    assert loaded.images.paths == tuple(tmp_path.resolve() / name for name in names)


@pytest.mark.parametrize("shape", ["(1000, 4)", "(-4, -4)", "(-2, 8)", "(281474976710656, 4)", "(True, 4)"])
def test_a_header_of_another_shape_than_the_file(tmp_path: Path, shape: str) -> None:
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}\n".encode()
    content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + b"\0" * 64
    (tmp_path / "vectors.npy").write_bytes(content)
    with pytest.raises(RunnerError, match=r"vectors\.npy (is not a readable .npy file|has shape)"):
        load_precomputed(tmp_path / "vectors.npy")


def test_vectors_in_columns(tmp_path: Path) -> None:
    vectors = np.arange(1, 13, dtype=np.float64).reshape(3, 4)
    np.save(tmp_path / "vectors.npy", np.asfortranarray(vectors))
    loaded = load_precomputed(tmp_path / "vectors.npy")
    assert np.array_equal(np.load(loaded.vectors_path), vectors) and len(loaded.images) == 3


def test_names_in_another_normalisation_than_the_disk(tmp_path: Path) -> None:
    np.save(tmp_path / "vectors.npy", np.eye(2, dtype=np.float32))
    (tmp_path / "cafe\N{COMBINING ACUTE ACCENT}.jpg").touch()
    (tmp_path / "plain.jpg").touch()
    (tmp_path / "paths.json").write_text(json.dumps(["caf\N{LATIN SMALL LETTER E WITH ACUTE}.jpg", "plain.jpg"]))
    found = load_precomputed(tmp_path / "vectors.npy")
    assert found.missing_files == 0
    assert found.images.ids[0] == "caf\N{LATIN SMALL LETTER E WITH ACUTE}.jpg", "as the list has it"
    assert found.images.paths[0] == tmp_path / "cafe\N{COMBINING ACUTE ACCENT}.jpg"
