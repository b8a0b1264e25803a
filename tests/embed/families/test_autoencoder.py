"""Autoencoders: losses, training, checkpoints, and their place among the models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.config.experiment import ExperimentConfig
from runner.embed.cache.embedding_cache import EmbeddingCache
from runner.embed.embedding_config import Fit
from runner.embed.families.autoencoder import load_autoencoder, read_record
from runner.embed.families.autoencoder_network import Autoencoder
from runner.embed.pipeline import embed_images
from runner.embed.recipe_resolver import ModelResolver
from runner.embed.resolve_models import resolve_models
from runner.embed.training.config import AutoencoderSettings, Loss
from runner.embed.training.loop import Training, split
from runner.embed.training.losses import reconstruction_loss
from runner.embed.training.train import TrainingOptions, train_autoencoder, wanted_autoencoders
from runner.errors import RunnerError, UsageError
from runner.experiment.model_set import ModelsOfImages
from runner.images.image_set import ImageSet

CPU = torch.device("cpu")
QUICK = AutoencoderSettings(epochs=2, batch_size=8)
OPTIONS = TrainingOptions("cpu", 2, lambda line: None)


@pytest.fixture(scope="module")
def losses(tmp_path_factory: pytest.TempPathFactory) -> dict[Loss, Callable]:
    recipe = ModelResolver(tmp_path_factory.mktemp("cache")).resolve("efficientnet_lite0")
    return {loss: reconstruction_loss(AutoencoderSettings(loss=loss), recipe, CPU) for loss in Loss}


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from(list(Loss)), st.floats(0, 3))
def test_losses_are_never_negative_and_zero_for_identical_images(
    losses: dict[Loss, Callable], seed: int, loss: Loss, scale: float
) -> None:
    generator = torch.Generator().manual_seed(seed)
    first, second = ((torch.rand(2, 3, 32, 32, generator=generator) - 0.5) * scale for _ in range(2))
    assert losses[loss](first, second) >= 0
    assert abs(float(losses[loss](first, first))) < 1e-5


def test_perceptual_loss_teaches_the_autoencoder_and_not_its_network(losses: dict[Loss, Callable]) -> None:
    network = Autoencoder(8, 32)
    images = torch.rand(2, 3, 32, 32) * 2 - 1
    losses[Loss.PERCEPTUAL](images, network(images)).backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
    assert all(parameter.grad is None for parameter in losses[Loss.PERCEPTUAL].parameters())  # type: ignore[attr-defined]


@pytest.mark.parametrize("resolution", [16, 48, 64, 100])
def test_network_gives_images_of_the_size_it_takes(resolution: int) -> None:
    network = Autoencoder(10, resolution)
    images = torch.zeros(2, 3, resolution, resolution)
    assert network(images).shape == images.shape
    assert network.encoder(images).shape == (2, 10)


def test_validation_part_is_seeded_and_apart() -> None:
    first, again, other = split(50, 0.1, 1), split(50, 0.1, 1), split(50, 0.1, 2)
    assert len(first.validation) == 5
    assert sorted([*first.training, *first.validation]) == list(range(50))
    assert np.array_equal(first.validation, again.validation) and not np.array_equal(first.validation, other.validation)
    assert len(split(2, 0.9, 0).training) == 1


def _training(network: Autoencoder, loss: Callable, said: list[str], **changes: object) -> Training:
    settings = AutoencoderSettings.model_validate({"batch_size": 8, "epochs": 3, **changes})
    return Training(network, loss, settings, CPU, 0, said.append)


def test_training_stops_early_and_keeps_the_best_epoch() -> None:
    torch.manual_seed(0)
    network = Autoencoder(4, 16)
    pixels = np.random.default_rng(0).integers(0, 256, (20, 16, 16, 3), dtype=np.uint8)  # noise: only learnt by heart
    parts = split(20, 0.3, 0)
    l1 = torch.nn.functional.l1_loss
    epochs = _training(network, l1, [], epochs=60, patience=3, learning_rate=0.01).run(pixels, parts, lambda n: None)
    best = min(range(len(epochs)), key=lambda number: epochs[number].validation)
    assert len(epochs) == best + 1 + 3 < 60
    again = _training(network, l1, [])._epoch(pixels, parts.validation, lambda n: None, learn=False)
    assert again == pytest.approx(epochs[best].validation, abs=1e-5)


def test_out_of_memory_halves_the_part_and_trains_the_same() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 16, 3), dtype=np.uint8)

    def small_machine(images: torch.Tensor, reconstructions: torch.Tensor) -> torch.Tensor:
        if len(images) > 2:
            raise torch.OutOfMemoryError("out of memory")
        return torch.nn.functional.l1_loss(images, reconstructions)

    results = []
    for loss in (torch.nn.functional.l1_loss, small_machine):
        torch.manual_seed(0)
        said: list[str] = []
        network = Autoencoder(4, 16)
        results.append(_training(network, loss, said).run(pixels, split(16, 0.2, 0), lambda n: None))
    assert said == [f"cpu is out of memory: the training goes on with {n} images at a time" for n in (4, 2)]
    assert results[0][-1].training == pytest.approx(results[1][-1].training, abs=1e-4)


def test_training_that_goes_astray_says_so() -> None:
    pixels = np.zeros((4, 16, 16, 3), dtype=np.uint8)
    diverging = _training(Autoencoder(4, 16), lambda a, b: (b * torch.nan).mean(), [])
    with pytest.raises(RunnerError, match=r"epoch 1 .*learning_rate below 0.001"):
        diverging.run(pixels, split(4, 0.5, 0), lambda n: None)


def test_trained_once_loaded_and_known_by_its_file(
    tmp_path: Path, photos: Path, image_set: Callable[..., ImageSet]
) -> None:
    images, cache_dir = image_set(photos), tmp_path / "cache"
    (wanted,) = wanted_autoencoders(["autoencoder:12"], [32], [Fit.RESIZE], QUICK, 5, images, cache_dir)
    assert not wanted.is_trained
    train_autoencoder(wanted, OPTIONS)
    record = read_record(wanted.checkpoint)
    assert wanted.is_trained and record is not None and len(record.epochs) == 2

    resolved = resolve_models([wanted.model], [224, 336], list(Fit), cache_dir=cache_dir)
    (config,) = resolved.configs
    assert (config.resolution, config.fit) == (32, Fit.RESIZE)
    run = embed_images(images, resolved.configs, cache=EmbeddingCache(cache_dir), out_dir=tmp_path / "out")
    network = load_autoencoder(wanted.checkpoint)
    assert np.load(run.embeddings[0].vectors_path).shape == (12, 12)

    with torch.no_grad():
        network.encoder[-1].bias += 1  # type: ignore[operator,union-attr]
    from runner.embed.families.autoencoder import save_autoencoder

    save_autoencoder(network, wanted.shape, tmp_path / "other.safetensors")
    other = resolve_models([f"autoencoder:{tmp_path / 'other.safetensors'}"], cache_dir=cache_dir).configs[0]
    assert other.key != config.key
    changed = embed_images(images, [other], cache=EmbeddingCache(cache_dir), out_dir=tmp_path / "out")
    assert not np.allclose(np.load(changed.embeddings[0].vectors_path), np.load(run.embeddings[0].vectors_path))


def test_what_makes_another_autoencoder(tmp_path: Path, photos: Path, image_set: Callable[..., ImageSet]) -> None:
    def checkpoint(folder: Path = photos, seed: int = 0, name: str = "autoencoder:8", **changes: object) -> Path:
        settings = AutoencoderSettings.model_validate(changes)
        (wanted,) = wanted_autoencoders([name], [], [Fit.RESIZE], settings, seed, image_set(folder), tmp_path / "cache")
        return wanted.checkpoint

    first = checkpoint()
    (photos / "000.jpg").rename(photos / "renamed.jpg")
    assert checkpoint() == first  # the content counts, not the name
    assert checkpoint(perceptual_model="timm/resnet18") == first  # which l1 does not use
    others = [checkpoint(seed=1), checkpoint(name="autoencoder:9"), checkpoint(loss="mse"), checkpoint(epochs=9)]
    (photos / "001.png").unlink()
    assert len({first, *others, checkpoint()}) == 6


def test_as_a_model_of_an_experiment(tmp_path: Path, photos: Path, image_set: Callable[..., ImageSet]) -> None:
    config = ExperimentConfig(
        images=photos,
        models=("pixels:16", "autoencoder:8"),
        cache_dir=tmp_path / "cache",
        autoencoder=QUICK,
    )
    models = ModelsOfImages(config, image_set(photos))
    assert any("autoencoder:8 at 64 px, letterbox is trained on the images first" in note for note in models.notes())
    assert [plan.missing for plan in models.plan(EmbeddingCache(config.cache_dir), force=False)] == [12, 12]
    said: list[str] = []
    configs = models.trained("cpu", 2, said.append)
    assert [each.model for each in configs] == ["pixels", "autoencoder"] and len(said) == 2
    again = ModelsOfImages(config, image_set(photos))
    assert again.trained("cpu", 2, said.append) == configs and len(said) == 2
    named = config.model_copy(update={"models": models.names()})
    assert ModelsOfImages(named, image_set(photos)).trained("cpu", 2, said.append) == configs
    assert list(models.reconstructions()) == [configs[1].key] == [each.embedding for each in models.trainings()]


@pytest.mark.parametrize("name", ["autoencoder", "autoencoder:0", "autoencoder:-3", "autoencoder:2.5"])
def test_latent_dimensions_that_cannot_be(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="must name the length of its vectors"):
        wanted_autoencoders([name], [], [Fit.RESIZE], QUICK, 0, ImageSet((), ()), tmp_path)


def test_untrained_or_foreign_checkpoints_are_refused(tmp_path: Path, tiny_model: Path) -> None:
    with pytest.raises(UsageError, match="is trained on the images that it is for"):
        resolve_models(["autoencoder:256"], cache_dir=tmp_path)
    with pytest.raises(RunnerError, match="is no autoencoder that this program has trained"):
        resolve_models([f"autoencoder:{tiny_model}"], cache_dir=tmp_path)
