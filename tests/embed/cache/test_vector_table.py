"""The store on its own: order, duplicates, several processes, and every kind of damage."""

from __future__ import annotations

import multiprocessing
import random
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.embed.cache.vector_table import MOVED_ASIDE_PREFIX, VectorTable, usable_rows

DIMENSION = 24


def vector(name: str, version: int = 0) -> np.ndarray:
    seed = int.from_bytes(name.encode(), "little") + version
    return np.random.default_rng(seed).normal(size=DIMENSION).astype(np.float32)


def vectors(names: list[str], version: int = 0) -> np.ndarray:
    return np.stack([vector(name, version) for name in names])


def names(start: int, stop: int) -> list[str]:
    return [f"{number:032x}" for number in range(start, stop)]


def read(table: VectorTable, wanted: list[str]) -> dict[str, np.ndarray]:
    locations = table.locate(wanted)
    return {name: row for found, rows in table.read(locations) for name, row in zip(found, rows, strict=True)}


def assert_serves(table: VectorTable, wanted: list[str]) -> None:
    served = read(table, wanted)
    assert set(served) == set(wanted)
    for name, row in served.items():
        np.testing.assert_array_equal(row, vector(name))


def fill(table: VectorTable, commits: int = 3, rows: int = 40) -> list[str]:
    for commit in range(commits):
        some = names(commit * rows, (commit + 1) * rows)
        table.append(some, vectors(some))
    return names(0, commits * rows)


@given(commits=st.lists(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=6), max_size=5))
@settings(max_examples=25, deadline=None)
def test_reads_back_what_was_written_last(commits: list[list[str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        table = VectorTable(Path(folder) / "table")
        expected: dict[str, np.ndarray] = {}
        for version, keys in enumerate(commits):
            rows = vectors(keys, version)
            table.append(keys, rows)
            expected |= dict(zip(keys, rows, strict=True))
        served = read(table, list("abcdefghij"))
        assert len(table) == sum(map(len, commits))
        assert set(served) == set(expected)
        for name, row in served.items():
            np.testing.assert_array_equal(row, expected[name])


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_keeps_the_number_format(tmp_path: Path, dtype: type) -> None:
    table = VectorTable(tmp_path / "table")
    rows: np.ndarray = vectors(["a", "b"]).astype(dtype)
    table.append(["a", "b"], rows)
    served = read(table, ["b"])["b"]
    assert served.dtype == dtype
    np.testing.assert_array_equal(served, rows[1])


def _append_some(path: Path, process: int, barrier: multiprocessing.synchronize.Barrier) -> None:
    barrier.wait()
    for commit in range(4):
        some = names(1000 * process + 10 * commit, 1000 * process + 10 * (commit + 1))
        VectorTable(path).append(some, vectors(some))


def test_several_processes_create_and_append_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")  # Lance does not survive a fork
    barrier = context.Barrier(3)
    path = tmp_path / "key" / "table"
    processes = [context.Process(target=_append_some, args=(path, number, barrier)) for number in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert_serves(VectorTable(path), [name for number in range(3) for name in names(1000 * number, 1000 * number + 40)])
    assert [entry.name for entry in path.parent.iterdir()] == ["table"]


def _damage(path: Path, rng: random.Random) -> None:
    content = bytearray(path.read_bytes())
    place = rng.randrange(len(content))
    kind = rng.choice(["flip", "zero", "truncate", "empty", "tail", "delete"])
    if kind == "flip":
        content[place] ^= 1 << rng.randrange(8)
    elif kind == "zero":
        content[place : place + 64] = bytes(len(content[place : place + 64]))
    elif kind == "tail":
        content[-rng.randrange(1, min(len(content), 200))] ^= 0xFF
    else:
        del content[0 if kind == "empty" else place :]
    path.unlink() if kind == "delete" else path.write_bytes(content)


@pytest.mark.parametrize("seed", range(30))
def test_damage_is_never_served_and_can_be_written_again(tmp_path: Path, seed: int) -> None:
    table = VectorTable(tmp_path / "table")
    everything = fill(table)
    rng = random.Random(seed)
    pattern = "*.lance" if seed % 3 else "*.manifest"
    _damage(rng.choice(sorted(table.path.rglob(pattern))), rng)
    served = read(table, everything)
    for name, row in served.items():
        np.testing.assert_array_equal(row, vector(name))
    lost = [name for name in everything if name not in served]
    if lost:
        assert table.check().damaged == len(lost) or len(table) < len(everything)
        table.append(lost, vectors(lost))
    assert_serves(table, everything)
    table.tidy()
    assert table.check().damaged == 0
    assert_serves(table, everything)


def test_a_swapped_hash_is_damage(tmp_path: Path) -> None:
    """The checksum covers the hash too: no image may ever get another image's vector."""
    table = VectorTable(tmp_path / "table")
    table.append(["a" * 32, "b" * 32], vectors(["a", "b"]))
    (file,) = table.path.rglob("*.lance")
    content = file.read_bytes()
    assert content.count(b"b" * 32) == 1
    file.write_bytes(content.replace(b"b" * 32, b"c" * 32))
    assert read(table, ["c" * 32]) == {}
    assert table.check().damaged == 1


def test_a_dataset_that_cannot_be_opened_is_moved_aside(tmp_path: Path) -> None:
    table = VectorTable(tmp_path / "table")
    everything = fill(table)
    for manifest in table.path.rglob("*.manifest"):
        manifest.write_bytes(b"")
    assert table.locate(everything) == {}
    assert [path.name.startswith(MOVED_ASIDE_PREFIX) for path in tmp_path.iterdir()] == [True]
    table.append(everything, vectors(everything))
    assert_serves(table, everything)


def test_unusable_vectors_are_not_served(tmp_path: Path) -> None:
    rows = vectors(["a", "b", "c", "d"])
    rows[1] = 0
    rows[2, 3] = np.nan
    rows[3, 0] = np.inf
    np.testing.assert_array_equal(usable_rows(rows), [True, False, False, False])
    table = VectorTable(tmp_path / "table")
    table.append(["a", "b", "c", "d"], rows)
    assert set(read(table, ["a", "b", "c", "d"])) == {"a"}


def test_tidying_joins_files_and_keeps_everything(tmp_path: Path) -> None:
    table = VectorTable(tmp_path / "table")
    everything = fill(table, commits=6, rows=5)
    assert table.tidy() == 0
    import lance

    assert len(lance.dataset(str(table.path)).get_fragments()) == 1
    assert_serves(table, everything)


def test_an_absent_table_is_empty(tmp_path: Path) -> None:
    table = VectorTable(tmp_path / "absent")
    assert (len(table), table.dimension, table.locate(["a"]), table.check().rows, table.tidy()) == (0, None, {}, 0, 0)
    assert not table.path.exists()
