"""Trained autoencoders in ``runner cache``: listed, checked, deleted; and what is damaged is never used."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from runner.commands.cache_actions import run_cache_command
from runner.embed.embedding_config import Fit
from runner.embed.families.autoencoder import RECORD, load_autoencoder
from runner.embed.resolve_models import resolve_models
from runner.embed.training.config import AutoencoderSettings
from runner.embed.training.store import AutoencoderStore
from runner.embed.training.train import TrainingOptions, WantedAutoencoder, train_autoencoder, wanted_autoencoders
from runner.errors import RunnerError, UsageError
from runner.images.image_set import ImageSet


@pytest.fixture
def trained(tmp_path: Path, photos: Path, image_set: Callable[..., ImageSet]) -> WantedAutoencoder:
    """An autoencoder of twelve images, trained for one epoch."""
    settings = AutoencoderSettings(epochs=1)
    (wanted,) = wanted_autoencoders(
        ["autoencoder:6"], [16], [Fit.RESIZE], settings, 0, image_set(photos), tmp_path / "cache"
    )
    train_autoencoder(wanted, TrainingOptions("cpu", 1, lambda line: None))
    return wanted


@pytest.fixture
def store(tmp_path: Path) -> AutoencoderStore:
    return AutoencoderStore(tmp_path / "cache")


def _damage(checkpoint: Path) -> None:
    content = bytearray(checkpoint.read_bytes())
    content[-5] ^= 1
    checkpoint.write_bytes(content)


def _age(folder: Path) -> None:
    for path in (*folder.rglob("*"), folder):
        os.utime(path, (0, 0))


def test_listed_with_what_it_has_learnt(
    trained: WantedAutoencoder, store: AutoencoderStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (kept,) = store.ls()
    assert kept.checkpoint == trained.checkpoint and kept.size > trained.checkpoint.stat().st_size
    run_cache_command("ls", tmp_path / "cache")
    line, total = capsys.readouterr().out.splitlines()
    assert kept.record is not None and f"l1 loss {kept.record.best_loss:.4f}" in line
    assert line.startswith(kept.key) and "6 numbers, 16 px resize, 12 images" in line and "used today" in line
    assert total.startswith("0 embeddings, 1 trained autoencoders")


def test_damage_is_found_never_loaded_and_trained_again(
    trained: WantedAutoencoder, store: AutoencoderStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache_dir = tmp_path / "cache"
    run_cache_command("verify", cache_dir)
    assert "checkpoint sound" in capsys.readouterr().out
    load_autoencoder(trained.checkpoint)
    _damage(trained.checkpoint)
    with pytest.raises(RunnerError, match=r"1 checkpoints .* are damaged"):
        run_cache_command("verify", cache_dir, [store.ls()[0].key])
    with pytest.raises(RunnerError, match="is damaged"):
        load_autoencoder(trained.checkpoint)
    assert not trained.is_trained
    (pruned,) = store.prune()
    assert pruned.what.startswith("damaged autoencoder-") and store.ls() == []


def test_pruned_by_age_of_use_or_by_key(
    trained: WantedAutoencoder, store: AutoencoderStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (kept,) = store.ls()
    assert store.prune(older_than=timedelta(days=1)) == [] == store.prune()
    _age(trained.checkpoint.parent)
    assert store.ls()[0].last_used.year == 1970
    resolve_models([trained.model], cache_dir=tmp_path / "cache")  # asked for: in use
    assert store.prune(older_than=timedelta(days=1)) == []
    _age(trained.checkpoint.parent)
    assert [each.what for each in store.prune(older_than=timedelta(days=1))] == [kept.key]
    train_autoencoder(trained, TrainingOptions("cpu", 1, lambda line: None))
    run_cache_command("prune", tmp_path / "cache", [kept.key])
    assert f"deleted {kept.key}" in capsys.readouterr().out and store.ls() == []
    with pytest.raises(UsageError, match="has nothing named 'autoencoder-"):
        run_cache_command("prune", tmp_path / "cache", [kept.key])


def test_what_killed_trainings_left_goes_and_what_others_are_writing_stays(
    trained: WantedAutoencoder, store: AutoencoderStore
) -> None:
    root = trained.checkpoint.parents[1]
    for folder, age in ((root / "killed", True), (root / "running", False), (trained.checkpoint.parent, True)):
        scratch = folder / ".partial-1"
        scratch.mkdir(parents=True)
        (scratch / "pixels.npy").write_bytes(b"0" * 1000)
        if age:
            _age(scratch)
        if folder.name == "killed":
            _age(folder)
    pruned = {each.what: each.size for each in store.prune()}
    assert pruned == {
        "leftovers of autoencoder-killed": 1000,
        f"leftovers of autoencoder-{trained.checkpoint.parent.name}": 1000,
    }
    assert sorted(path.name for path in root.iterdir()) == sorted([trained.checkpoint.parent.name, "running"])
    assert trained.is_trained and (trained.checkpoint.parent / RECORD).exists()
