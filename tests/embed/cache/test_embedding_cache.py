from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from runner.commands.cache_actions import run_cache_command
from runner.commands.models import list_models
from runner.embed.cache.embedding_cache import EmbeddingCache
from runner.embed.embedding_config import EmbeddingConfig, Fit
from runner.errors import RunnerError, UsageError

CONFIG = EmbeddingConfig("M", "tag", "fingerprint", 224, Fit.LETTERBOX)
OTHER = EmbeddingConfig("M", "tag", "fingerprint", 336, Fit.LETTERBOX)
HASHES = [f"{number:032x}" for number in range(50)]


@pytest.fixture
def vectors() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(50, 12)).astype(np.float32)


@pytest.fixture
def cache(tmp_path: Path, vectors: np.ndarray) -> EmbeddingCache:
    """A cache with two commits under ``CONFIG``."""
    cache = EmbeddingCache(tmp_path / "cache")
    cache.append(CONFIG, HASHES[:30], vectors[:30])
    cache.append(CONFIG, HASHES[30:], vectors[30:])
    return cache


def damage_one_vector(cache: EmbeddingCache, vector: np.ndarray) -> None:
    for path in cache.cache_dir.rglob("*.lance"):
        if path.is_file() and vector.tobytes() in path.read_bytes():
            content = path.read_bytes()
            place = content.index(vector.tobytes())
            path.write_bytes(content[:place] + b"\x01" + content[place + 1 :])
            return
    raise AssertionError("no file holds that vector")


def test_missing_are_the_unknown_ones_once_and_in_order(cache: EmbeddingCache) -> None:
    assert cache.missing(CONFIG.key, ["x", HASHES[3], "y", "x"]) == ["x", "y"]
    assert cache.missing(OTHER.key, HASHES[:2]) == HASHES[:2]


def test_matrix_has_the_order_asked_for(cache: EmbeddingCache, vectors: np.ndarray, tmp_path: Path) -> None:
    order = [7, 3, 49, 3, 0, 31]
    path = tmp_path / "new" / "matrix.npy"
    assert cache.stream_to_npy(CONFIG.key, [HASHES[i] for i in order], path) == []
    matrix = np.load(path)
    wide = vectors[order].astype(np.float64)
    assert matrix.dtype == np.float32
    np.testing.assert_array_equal(matrix, (wide / np.linalg.norm(wide, axis=1, keepdims=True)).astype(np.float32))
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["matrix.npy", "matrix.npy.checksum"]


def test_very_small_and_very_large_vectors_are_normalised(cache: EmbeddingCache, tmp_path: Path) -> None:
    extreme = np.stack([np.full(12, 1e-40), np.full(12, 3e38)]).astype(np.float32)
    cache.append(CONFIG, ["small", "large"], extreme)
    assert cache.stream_to_npy(CONFIG.key, ["small", "large"], tmp_path / "m.npy") == []
    np.testing.assert_allclose(np.linalg.norm(np.load(tmp_path / "m.npy"), axis=1), 1, rtol=1e-6)


def test_no_matrix_without_all_of_its_rows(cache: EmbeddingCache, vectors: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "m.npy"
    assert cache.stream_to_npy(CONFIG.key, [HASHES[0], "x"], path) == ["x"]
    damage_one_vector(cache, vectors[40])
    assert cache.stream_to_npy(CONFIG.key, HASHES, path) == [HASHES[40]]
    assert not path.exists()
    cache.append(CONFIG, [HASHES[40]], vectors[40:41])
    assert cache.stream_to_npy(CONFIG.key, HASHES, path) == []


def test_listing(cache: EmbeddingCache, vectors: np.ndarray, capsys: pytest.CaptureFixture[str]) -> None:
    cache.append(OTHER, HASHES[:5], vectors[:5])
    os.utime(cache.cache_dir / "embeddings" / CONFIG.key / "last_used", (0, 0))
    newest, oldest = cache.ls()
    assert (newest.key, newest.rows) == (OTHER.key, 5)
    assert (oldest.rows, oldest.last_used.year) == (50, 1970)
    assert oldest.size > vectors.nbytes
    assert oldest.description["resolution"] == 224
    run_cache_command("ls", cache.cache_dir)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(OTHER.key)
    assert "50 vectors" in lines[1]
    assert "days ago" in lines[1]


def test_verify_finds_damage(cache: EmbeddingCache, vectors: np.ndarray, capsys: pytest.CaptureFixture[str]) -> None:
    run_cache_command("verify", cache.cache_dir)
    assert "50 vectors, all sound" in capsys.readouterr().out
    damage_one_vector(cache, vectors[3])
    with pytest.raises(RunnerError, match=r"1 vectors .* are damaged"):
        run_cache_command("verify", cache.cache_dir, [CONFIG.key])
    assert "1 DAMAGED" in capsys.readouterr().out
    run_cache_command("prune", cache.cache_dir)
    assert f"1 damaged vectors of {CONFIG.key}" in capsys.readouterr().out
    assert cache.verify() == {CONFIG.key: (states := cache.verify([CONFIG.key]))[CONFIG.key]}
    assert (states[CONFIG.key].rows, states[CONFIG.key].damaged) == (49, 0)
    assert cache.missing(CONFIG.key, HASHES) == [HASHES[3]]


def test_prune_by_key_age_and_size(cache: EmbeddingCache, vectors: np.ndarray) -> None:
    cache.append(OTHER, HASHES, vectors)
    os.utime(cache.cache_dir / "embeddings" / CONFIG.key / "last_used", (0, 0))
    assert [entry.what for entry in cache.prune(older_than=timedelta(days=1))] == [CONFIG.key]
    cache.append(CONFIG, HASHES, vectors)
    os.utime(cache.cache_dir / "embeddings" / OTHER.key / "last_used", (0, 0))
    one = cache.ls()[0].size
    assert [entry.what for entry in cache.prune(max_bytes=one)] == [OTHER.key]
    assert cache.prune(max_bytes=one) == []
    assert [entry.what for entry in cache.prune([CONFIG.key])] == [CONFIG.key]
    assert cache.ls() == []


def test_prune_clears_up_after_killed_processes_only(cache: EmbeddingCache) -> None:
    folder = cache.cache_dir / "embeddings" / CONFIG.key
    for name, age in ((".partial-old", 7200), (".partial-new", 0), (".damaged-1", 0)):
        (folder / name).mkdir()
        (folder / name / "data").write_bytes(b"0" * 100_000)
        os.utime(folder / name, (folder.stat().st_mtime - age,) * 2)
    (pruned,) = cache.prune()
    assert pruned.what == f"leftovers of {CONFIG.key}"
    assert sorted(path.name for path in folder.glob(".*")) == [".partial-new"]
    assert cache.missing(CONFIG.key, HASHES) == []


@pytest.mark.parametrize("key", ["absent", "..", "../..", ""])
def test_only_keys_of_the_cache_can_be_pruned(cache: EmbeddingCache, key: str) -> None:
    with pytest.raises(UsageError, match="no embedding"):
        cache.prune([key])
    assert len(cache.ls()) == 1


def test_commands_say_when_there_is_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for action in ("ls", "verify", "prune"):
        run_cache_command(action, tmp_path)
        assert str(tmp_path) in capsys.readouterr().out
    with pytest.raises(UsageError, match="burn"):
        run_cache_command("burn", tmp_path)


def test_models_are_listed_by_part_of_their_name(shared_cache: Path) -> None:
    lines = list(list_models("vit-b-32:openai", shared_cache))
    assert [line.split() for line in lines] == [["ViT-B-32:openai", "224", "px", lines[0].split()[3], "default"]]
    with pytest.raises(RunnerError, match="zebra"):
        list(list_models("zebra", shared_cache))
