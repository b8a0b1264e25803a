"""From ``autoencoder:256`` and a set of images to checkpoints; what was trained before is not trained again."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from runner.embed.embedding_config import PREPROCESSING_VERSION, Fit
from runner.embed.families.autoencoder import (
    MODEL,
    PREPROCESSING,
    RECONSTRUCTIONS,
    RESOLUTION,
    AutoencoderShape,
    TrainingRecord,
    autoencoders_folder,
    is_complete,
    save_autoencoder,
)
from runner.embed.families.registry import family_of
from runner.embed.hashed_images import HashedFile, hash_images
from runner.embed.image_reader import ImageReader, ReadingJob
from runner.embed.preprocess import View
from runner.embed.recipe import ModelRecipe
from runner.embed.recipe_resolver import ModelResolver
from runner.embed.training.config import AutoencoderSettings, Loss
from runner.errors import RunnerError, UsageError
from runner.images.decode import UnreadableImageError
from runner.images.image_set import ImageSet
from runner.utils.atomic import new_array, temporary_folder
from runner.utils.checked_files import replaced_with_checksum
from runner.utils.hashing import digest_of
from runner.utils.memory import freed_memory_kept
from runner.utils.progress import progress_bar

TRAINING_VERSION = 1
"""Raised whenever network or training change; older checkpoints are then not taken for new ones."""

_LARGEST_LATENT = 8192
_SHOWN = 12
_READERS = 4


@dataclass(frozen=True)
class WantedAutoencoder:
    """An autoencoder that is trained, or is to be.

    Attributes:
        name: as the user named it.
        shape: what it is made for.
        settings: how it is trained.
        seed: of everything random.
        files: the files it is trained on, by content hash.
        checkpoint: where it is, once it is trained.
    """

    name: str
    shape: AutoencoderShape
    settings: AutoencoderSettings
    seed: int
    files: Mapping[str, HashedFile]
    checkpoint: Path

    @property
    def is_trained(self) -> bool:
        """Whether it is there with all that belongs to it, and not damaged."""
        return is_complete(self.checkpoint)

    @property
    def model(self) -> str:
        """What ``resolve_models`` takes once it is trained."""
        return f"{MODEL}:{self.checkpoint}"

    def __str__(self) -> str:
        return f"{self.name} at {self.shape.resolution} px, {self.shape.fit}"


@dataclass(frozen=True)
class TrainingOptions:
    """Where to train, and with how many threads that decode images; what is going on is told line by line."""

    device: str
    workers: int | None
    say: Callable[[str], None]


def is_wanted(name: str) -> bool:
    """Whether a model is an autoencoder that is to be trained, and not a checkpoint of one."""
    model, _, latent = name.strip().partition(":")
    return model == MODEL and (not latent or re.fullmatch(r"-?[\d.]+", latent) is not None)


def wanted_autoencoders(
    names: Sequence[str],
    resolutions: Sequence[int],
    fits: Sequence[Fit],
    settings: AutoencoderSettings,
    seed: int,
    images: ImageSet,
    cache_dir: Path,
) -> list[WantedAutoencoder]:
    """The autoencoders among the models ``names``, one for each resolution and fit, as each shows other pixels.

    Raises:
        UsageError: a latent dimension or a perceptual model that can't be.
        RunnerError: the perceptual model's weights can't be had.
    """
    chosen = [name.strip() for name in names if is_wanted(name)]
    if not chosen:
        return []
    files = hash_images(images, cache_dir.expanduser()).files
    identity = [f"{TRAINING_VERSION} {PREPROCESSING_VERSION}", str(seed), _settings_identity(settings, cache_dir)]
    wanted = []
    for name in chosen:
        for resolution in resolutions or (RESOLUTION,):
            for fit in fits:
                shape = AutoencoderShape(latent=_latent(name), resolution=resolution, fit=fit)
                digest = digest_of([*identity, shape.model_dump_json(), *sorted(files)])[:16]
                folder = autoencoders_folder(cache_dir) / digest
                path = folder / f"{shape.latent}-{settings.loss}.safetensors"
                wanted.append(WantedAutoencoder(name, shape, settings, seed, files, path))
    return wanted


def with_checkpoints(names: Sequence[str], wanted: Sequence[WantedAutoencoder]) -> list[str]:
    """``names`` with each autoencoder replaced by those of its checkpoints that there are."""
    replaced: list[str] = []
    for name in names:
        own = [each.model for each in wanted if each.name == name.strip() and each.is_trained]
        replaced += own if is_wanted(name) else [name]
    return replaced


def train_autoencoder(wanted: WantedAutoencoder, options: TrainingOptions) -> None:
    """Train, and write checkpoint, record and reconstructions.

    Raises:
        RunnerError: fewer than two images can be read, or the training fails.
    """
    import torch

    from runner.embed.device import select_device
    from runner.embed.families.autoencoder_network import Autoencoder
    from runner.embed.training.loop import Training, as_input, as_pixels, split
    from runner.embed.training.losses import reconstruction_loss
    from runner.embed.weights.shared_weights import build_random

    started = time.perf_counter()
    settings, shape, folder = wanted.settings, wanted.shape, wanted.checkpoint.parent
    folder.mkdir(parents=True, exist_ok=True)
    device = select_device(options.device)
    with temporary_folder(folder) as scratch:
        pixels = _read_pixels(wanted, options.workers, scratch / "pixels.npy")
        parts = split(len(pixels), settings.validation_share, wanted.seed)
        options.say(
            f"{wanted}: training on {len(parts.training):,} images, validation on {len(parts.validation):,}, {device}"
        )
        network = build_random(lambda: Autoencoder(shape.latent, shape.resolution), wanted.seed)
        assert isinstance(network, Autoencoder)
        loss = reconstruction_loss(settings, _perceptual_recipe(settings, folder.parents[2]), device)
        training = Training(network, loss, settings, device, wanted.seed, options.say)
        steps = settings.epochs * len(pixels)
        with freed_memory_kept(), progress_bar(steps, f"training {wanted.name}", "image") as bar:
            epochs = training.run(pixels, parts, bar.update)
        originals = pixels[np.sort(parts.validation)[:_SHOWN]]
        with torch.inference_mode():
            reconstructions = as_pixels(network.eval()(as_input(originals, device)))
    best = min(range(len(epochs)), key=lambda number: epochs[number].validation)
    record = TrainingRecord(
        loss=settings.loss.value,
        training_images=len(parts.training),
        validation_images=len(parts.validation),
        epochs=epochs,
        best_epoch=best + 1,
        seconds=time.perf_counter() - started,
        finished_at=int(time.time() * 1000),
    )
    _write_sheet(originals, reconstructions, folder / RECONSTRUCTIONS)
    save_autoencoder(network, shape, wanted.checkpoint, record)
    options.say(
        f"{wanted}: best of {len(epochs)} epochs was {record.best_epoch}, validation loss "
        f"{record.best_loss:.4f}, {record.seconds:.0f} s"
    )


def _latent(name: str) -> int:
    latent = name.partition(":")[2]
    if not latent.isdecimal() or not 1 <= int(latent) <= _LARGEST_LATENT:
        raise UsageError(f"{name!r} must name the length of its vectors, 1 to {_LARGEST_LATENT}, as in {MODEL}:256")
    return int(latent)


def _settings_identity(settings: AutoencoderSettings, cache_dir: Path) -> str:
    recipe = _perceptual_recipe(settings, cache_dir)
    without = set() if recipe else {"perceptual_model"}
    described = settings.model_dump(mode="json", exclude=without)
    return json.dumps([described, recipe and recipe.fingerprint])


def _perceptual_recipe(settings: AutoencoderSettings, cache_dir: Path) -> ModelRecipe | None:
    """The recipe of the perceptual loss's network, None where there is none."""
    if settings.loss is not Loss.PERCEPTUAL:
        return None
    recipe = ModelResolver(cache_dir).resolve(settings.perceptual_model)
    if not family_of(recipe).gives_feature_maps:
        raise UsageError(
            f"autoencoder.perceptual_model={recipe.name} gives no maps of features; use efficientnet_lite0 or timm/NAME"
        )
    return recipe


def _read_pixels(wanted: WantedAutoencoder, workers: int | None, path: Path) -> np.ndarray:
    """The images that are trained on, as they are when embedded: uint8, shape (n, s, s, 3), memory-mapped."""
    contents = sorted(wanted.files)
    if len(contents) > wanted.settings.images:
        drawn = np.random.default_rng([wanted.seed, 2]).choice(len(contents), wanted.settings.images, replace=False)
        contents = [contents[number] for number in np.sort(drawn)]
    side = wanted.shape.resolution
    view = View(side, wanted.shape.fit, PREPROCESSING.interpolation)
    pixels = new_array(path, (len(contents), side, side, 3), np.uint8)
    count, reason = 0, ""
    jobs = [ReadingJob(content, wanted.files[content], {view}) for content in contents]
    with (
        closing(ImageReader(workers or _READERS, look_ahead=64).read(jobs)) as results,
        progress_bar(len(jobs), f"reading for {wanted.name}", "image") as bar,
    ):
        for _, views in results:
            bar.update()
            if isinstance(views, UnreadableImageError):
                reason = views.reason
                continue
            pixels[count] = views[view]
            count += 1
    if count < 2:
        why = f"; the last one can't be read: {reason}" if reason else ""
        raise RunnerError(f"{wanted.name} needs at least two different images to train on, and has {count}{why}")
    return pixels[:count]


def _write_sheet(originals: np.ndarray, reconstructions: np.ndarray, path: Path) -> None:
    """Originals in the upper row, reconstructions below; pixels doubled, so that small ones can be seen."""
    from PIL import Image

    rows = [np.concatenate(list(images), axis=1) for images in (originals, reconstructions)]
    sheet = Image.fromarray(np.concatenate(rows))
    with replaced_with_checksum(path) as temporary:
        sheet.resize((sheet.width * 2, sheet.height * 2), Image.Resampling.NEAREST).save(temporary)
